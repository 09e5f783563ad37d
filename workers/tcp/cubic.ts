// CUBIC (RFC 9438): after a loss the window falls to seven tenths and then grows as a cubic function of time, slowly round where
// the loss was and fast away from it, whatever the round trip is. Where NewReno would be faster than that, it grows as NewReno.

import { CongestionControl, wholeSegments } from "./congestion-control.js";

/** Segments per second cubed (section 4.6, C). */
const GROWTH = 0.4;
/** What is left of the window after a loss (beta_cubic). */
const LEFT = 0.7;
/** Segments a round trip that make a sawtooth of that depth as fast as NewReno's on average (section 4.3). */
const RENO_GROWTH = (3 * (1 - LEFT)) / (1 + LEFT);
const NO_EPOCH = -1;

/** What there is to remember from the first loss, or the end of slow start, on; most connections see neither. */
class Curve {
  /** The window at the last loss, where growth levels off (W_max); and the one before, in case that loss is taken back. */
  wMax = 0;
  priorWMax = 0;
  /** The window before the last reduction (cwnd_prior), from which on NewReno's estimate grows like NewReno itself. */
  cwndPrior = 0;
  /** When this stage of congestion avoidance began, and how long from then it takes to reach `wMax` (K). */
  epochMs = NO_EPOCH;
  kMs = 0;
  /** What NewReno's window would be (W_est). */
  wEst = 0;
  /** Bytes acknowledged that have not grown the window, or NewReno's, yet. */
  acked = 0;
  ackedForReno = 0;
  /** 1 until the first congestion avoidance after a timeout (section 4.8). */
  isAfterTimeout = 0;

  /** W_cubic(t), in bytes. */
  windowAt(elapsedMs: number, mss: number): number {
    const distance = (elapsedMs - this.kMs) / 1000;
    return this.wMax + GROWTH * distance * distance * distance * mss;
  }

  begin(cwnd: number, mss: number, nowMs: number): void {
    this.epochMs = nowMs;
    this.acked = 0;
    this.ackedForReno = 0;
    this.wEst = cwnd;
    if (this.isAfterTimeout === 1 || this.wMax < cwnd) {
      this.isAfterTimeout = 0;
      this.wMax = cwnd;
      this.kMs = 0;
    } else {
      this.kMs = Math.round(1000 * Math.cbrt((this.wMax - cwnd) / mss / GROWTH));
    }
  }

  growReno(cwnd: number, acked: number, mss: number): void {
    this.ackedForReno += acked;
    const window = wholeSegments(cwnd, mss);
    const forSegment = Math.floor(window / (this.wEst < this.cwndPrior ? RENO_GROWTH : 1));
    if (this.ackedForReno < forSegment) return;
    this.ackedForReno -= forSegment;
    this.wEst += mss;
  }
}

export class Cubic extends CongestionControl {
  #curve: Curve | null = null;

  override timedOut(outstanding: number, mss: number, isFirst: boolean, isRecovering: boolean): void {
    super.timedOut(outstanding, mss, isFirst, isRecovering);
    this.#newEpoch(1);
  }

  override idled(mss: number): void {
    super.idled(mss);
    // Time that nothing was sent in is no time that the window may have grown in (section 5.8).
    if (this.#curve !== null) this.#curve.epochMs = NO_EPOCH;
  }

  override undo(): void {
    if (this.priorCwnd === 0) return;
    super.undo();
    const curve = this.#newEpoch(0);
    curve.wMax = curve.priorWMax;
  }

  protected override reduce(flight: number, mss: number): void {
    const curve = this.#newEpoch(0);
    curve.priorWMax = curve.wMax;
    // Fast convergence (section 4.7): a window that has not reached the last maximum makes room for others.
    curve.wMax = flight < curve.wMax ? Math.round((flight * (1 + LEFT)) / 2) : flight;
    curve.cwndPrior = flight;
    // In whole segments, because no others are sent: of a small window what is cut off is much, half a segment on average.
    this.ssthresh = Math.max(Math.round((flight * LEFT) / mss), 2) * mss;
  }

  protected override avoid(acked: number, mss: number, nowMs: number, roundTripMs: number): void {
    const curve = this.#curve ?? this.#newEpoch(0);
    const { cwnd } = this;
    if (curve.epochMs === NO_EPOCH) curve.begin(cwnd, mss, nowMs);
    curve.growReno(cwnd, acked, mss);
    const elapsedMs = nowMs - curve.epochMs;
    if (curve.windowAt(elapsedMs, mss) < curve.wEst) {
      // The Reno-friendly region (section 4.3).
      if (curve.wEst > cwnd) this.cwnd = curve.wEst;
      return;
    }
    // Concave and convex regions (sections 4.4 and 4.5): towards where the curve will be a round trip from now.
    const target = Math.min(curve.windowAt(elapsedMs + roundTripMs, mss), 1.5 * cwnd);
    if (target <= cwnd) return;
    // (target - cwnd) / cwnd for each byte acknowledged, in whole segments.
    const forSegment = Math.max(1, Math.floor((cwnd * mss) / (target - cwnd)));
    curve.acked += acked;
    if (curve.acked < forSegment) return;
    const segments = Math.floor(curve.acked / forSegment);
    curve.acked -= segments * forSegment;
    this.cwnd = cwnd + segments * mss;
  }

  /** The next congestion avoidance is a stage of its own. */
  #newEpoch(isAfterTimeout: number): Curve {
    if (this.#curve === null) this.#curve = new Curve();
    this.#curve.epochMs = NO_EPOCH;
    this.#curve.isAfterTimeout = isAfterTimeout;
    return this.#curve;
  }
}
