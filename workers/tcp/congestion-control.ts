// How much may be in the network at once: the congestion window, and what every algorithm for it has in common (RFC 5681: slow
// start, loss, timeout, idleness; RFC 4015: taking a reduction back). An algorithm says by how much a loss reduces the window
// and how it grows afterwards. It is told what happened; it knows neither sequence numbers nor what is sent, and decides neither
// that something was lost nor what to do about it. Every number is an integer, so that changing one allocates nothing.

import { SlowStart } from "./slow-start.js";

/** Keeps sums of windows and sequence numbers far from 2^31. */
export const MAX_CWND_BYTES = 1 << 28;
const NO_THRESHOLD = 0x3fff_ffff;

/** RFC 6928 section 2. */
export function initialWindow(mss: number): number {
  return Math.min(10 * mss, Math.max(2 * mss, 14_600));
}

/** What of a window can be used, as only whole segments are sent of a stream that does not end: a window's acknowledgment is that. */
export function wholeSegments(cwnd: number, mss: number): number {
  return cwnd < mss ? cwnd : cwnd - (cwnd % mss);
}

export abstract class CongestionControl {
  /** Most bytes that may be in flight. */
  cwnd = 0;
  /** Below it `cwnd` grows by slow start. */
  ssthresh = NO_THRESHOLD;
  /** What the two were before they were reduced; `cwnd` 0: nothing is to be taken back. */
  protected priorCwnd = 0;
  protected priorSsthresh = 0;
  #used = 0;
  /** From the first time that the window is used; most connections never do. */
  #slowStart: SlowStart | null = null;

  /** Begins with a window of `cwndBytes`. */
  begin(cwndBytes: number): void {
    this.cwnd = cwndBytes;
  }

  /**
   * All was sent that could be, and `inFlight` bytes are in flight: so much of the window is used. What an acknowledgment leaves is
   * no measure: it may be the one of a whole window, and between those of one turn nothing is sent.
   */
  sent(inFlight: number): void {
    this.#used = inFlight;
  }

  /**
   * `acked` bytes were acknowledged for the first time, outside of fast recovery, with `inFlight` bytes in flight before;
   * `roundTripMs` is the newest one measured. With `isCautious` the window grows by one segment at most.
   */
  acknowledged(
    acked: number,
    inFlight: number,
    mss: number,
    nowMs: number,
    roundTripMs: number,
    isCautious: boolean,
  ): void {
    // A window that is not used is not proven (RFC 7661 section 4.1).
    if (2 * this.#used < this.cwnd || this.cwnd >= MAX_CWND_BYTES) return;
    if (this.cwnd >= this.ssthresh) {
      this.avoid(acked, mss, nowMs, roundTripMs);
    } else if (this.ssthresh === NO_THRESHOLD) {
      if (this.#slowStart === null) this.#slowStart = new SlowStart();
      this.cwnd += this.#slowStart.acknowledged(acked, inFlight, roundTripMs);
      if (this.#slowStart.isOver) this.ssthresh = this.cwnd;
    } else {
      // By what was acknowledged and not by one segment an ACK: one ACK tells of a whole offloaded packet (RFC 3465).
      this.cwnd += isCautious ? Math.min(acked, mss) : acked;
    }
  }

  /** Something was lost, and `outstanding` bytes are not acknowledged (RFC 5681 section 3.2, RFC 6675 section 5). */
  lost(outstanding: number, mss: number): void {
    this.#remember();
    this.reduce(this.#flightSize(outstanding), mss);
    this.cwnd = this.ssthresh;
  }

  /**
   * The retransmission timer has expired (RFC 5681 section 3.1). `isFirst`: for this data; a second time says nothing new about
   * the network's capacity. `isRecovering`: the window was reduced for it already.
   */
  timedOut(outstanding: number, mss: number, isFirst: boolean, isRecovering: boolean): void {
    if (!isRecovering) this.#remember();
    if (isFirst) this.reduce(this.#flightSize(outstanding), mss);
    this.cwnd = mss;
  }

  /** Nothing was sent for longer than a timeout: the window is old knowledge (RFC 5681 section 4.1). */
  idled(mss: number): void {
    this.cwnd = Math.min(this.cwnd, initialWindow(mss));
  }

  /** The path has another, which nobody knows yet: the window is opened anew, up to what it was (RFC 1191 section 6.4). */
  pathChanged(mss: number): void {
    this.ssthresh = Math.max(this.ssthresh, this.cwnd);
    this.idled(mss);
    // What is known of the path before says nothing of this one.
    this.priorCwnd = 0;
  }

  /** Nothing was lost, what was sent again had arrived (RFC 4015 section 3.4). */
  undo(): void {
    if (this.priorCwnd === 0) return;
    this.cwnd = Math.max(this.cwnd, this.priorCwnd);
    this.ssthresh = Math.max(this.ssthresh, this.priorSsthresh);
    this.priorCwnd = 0;
  }

  /** Sets `ssthresh` to what the window is to be reduced to. */
  protected abstract reduce(flight: number, mss: number): void;

  /** Congestion avoidance: `acked` bytes were acknowledged. */
  protected abstract avoid(acked: number, mss: number, nowMs: number, roundTripMs: number): void;

  /** FlightSize (RFC 5681 section 2) before the loss was known, and without what limited transmit has added since (RFC 3042). */
  #flightSize(outstanding: number): number {
    return Math.min(Math.max(outstanding, this.#used), this.cwnd);
  }

  #remember(): void {
    this.priorCwnd = this.cwnd;
    this.priorSsthresh = this.ssthresh;
  }
}
