// CUBIC (RFC 9438): after a loss the window falls to seven tenths and then grows as a cubic function of time, slowly round where
// the loss was and fast away from it, whatever the round trip is. Where NewReno would be faster than that, it grows as NewReno.

import { CongestionControl } from "./congestion-control.js";

/** Segments per second cubed (section 4.6, C). */
const GROWTH = 0.4;
/** What is left of the window after a loss (beta_cubic). */
const LEFT = 0.7;
/** Segments a round trip that make a sawtooth of that depth as fast as NewReno's on average (section 4.3). */
const RENO_GROWTH = (3 * (1 - LEFT)) / (1 + LEFT);
const NO_EPOCH = -1;

export class Cubic extends CongestionControl {
  /** The window at the last loss, and where growth levels off; 0: none yet. */
  #wMax = 0;
  #priorWMax = 0;
  /** The window before the last reduction, from which on NewReno's estimate grows like NewReno itself. */
  #before = 0;
  /** When this stage of congestion avoidance began, and how long from then it takes to reach `#wMax` (K). */
  #epochMs = NO_EPOCH;
  #kMs = 0;
  /** What NewReno's window would be. */
  #wEst = 0;
  /** Bytes acknowledged that have not grown the window, or NewReno's, yet. */
  #acked = 0;
  #ackedForReno = 0;
  /** 1 until the first congestion avoidance after a timeout (section 4.8). */
  #isAfterTimeout = 0;

  override timedOut(flight: number, mss: number, isFirst: boolean, isRecovering: boolean): void {
    super.timedOut(flight, mss, isFirst, isRecovering);
    this.#isAfterTimeout = 1;
    this.#epochMs = NO_EPOCH;
  }

  override idled(mss: number): void {
    super.idled(mss);
    // Time that nothing was sent in is no time that the window may have grown in (section 5.8).
    this.#epochMs = NO_EPOCH;
  }

  override undo(): void {
    if (this.priorCwnd === 0) return;
    super.undo();
    this.#wMax = this.#priorWMax;
    this.#isAfterTimeout = 0;
    this.#epochMs = NO_EPOCH;
  }

  protected override reduce(flight: number, mss: number): void {
    this.#priorWMax = this.#wMax;
    // Fast convergence (section 4.7): a window that has not reached the last maximum makes room for others.
    this.#wMax = flight < this.#wMax ? Math.round((flight * (1 + LEFT)) / 2) : flight;
    this.#before = flight;
    this.ssthresh = Math.max(Math.round(flight * LEFT), 2 * mss);
    this.#epochMs = NO_EPOCH;
  }

  protected override avoid(acked: number, mss: number, nowMs: number, roundTripMs: number): void {
    if (this.#epochMs === NO_EPOCH) this.#beginEpoch(mss, nowMs);
    const { cwnd } = this;
    this.#growReno(acked, mss);
    const elapsedMs = nowMs - this.#epochMs;
    if (this.#window(elapsedMs, mss) < this.#wEst) {
      // The Reno-friendly region (section 4.3).
      if (this.#wEst > cwnd) this.cwnd = this.#wEst;
      return;
    }
    // Concave and convex regions (sections 4.4 and 4.5): towards where the curve will be a round trip from now.
    const target = Math.min(Math.max(this.#window(elapsedMs + roundTripMs, mss), cwnd), 1.5 * cwnd);
    this.#acked += acked;
    if (target <= cwnd) {
      this.#acked = 0;
      return;
    }
    // (target - cwnd) / cwnd for each byte acknowledged, in whole segments.
    const forSegment = Math.max(1, Math.floor((cwnd * mss) / (target - cwnd)));
    if (this.#acked < forSegment) return;
    const segments = Math.floor(this.#acked / forSegment);
    this.#acked -= segments * forSegment;
    this.cwnd = cwnd + segments * mss;
  }

  #beginEpoch(mss: number, nowMs: number): void {
    const { cwnd } = this;
    this.#epochMs = nowMs;
    this.#acked = 0;
    this.#ackedForReno = 0;
    this.#wEst = cwnd;
    if (this.#isAfterTimeout === 1 || this.#wMax < cwnd) {
      this.#isAfterTimeout = 0;
      this.#wMax = cwnd;
      this.#kMs = 0;
    } else {
      this.#kMs = Math.round(1000 * Math.cbrt((this.#wMax - cwnd) / mss / GROWTH));
    }
  }

  /** W_cubic(t), in bytes. */
  #window(elapsedMs: number, mss: number): number {
    const distance = (elapsedMs - this.#kMs) / 1000;
    return this.#wMax + GROWTH * distance * distance * distance * mss;
  }

  #growReno(acked: number, mss: number): void {
    const growth = this.#wEst < this.#before ? RENO_GROWTH : 1;
    this.#ackedForReno += acked;
    const forSegment = Math.floor(this.cwnd / growth);
    if (this.#ackedForReno < forSegment) return;
    this.#ackedForReno -= forSegment;
    this.#wEst += mss;
  }
}
