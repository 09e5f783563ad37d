// Congestion avoidance of RFC 5681: half the window after a loss, then one segment more each time that a whole window is
// acknowledged.

import { CongestionControl, wholeSegments } from "./congestion-control.js";

export class NewReno extends CongestionControl {
  /** Bytes acknowledged in congestion avoidance that have not grown the window yet. */
  #acked = 0;

  protected override reduce(flight: number, mss: number): void {
    this.ssthresh = Math.max(flight >> 1, 2 * mss);
    this.#acked = 0;
  }

  protected override avoid(acked: number, mss: number): void {
    // RFC 3465 section 2.1
    this.#acked += acked;
    const window = wholeSegments(this.cwnd, mss);
    if (this.#acked < window) return;
    this.#acked -= window;
    this.cwnd += mss;
  }
}
