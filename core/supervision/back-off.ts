// How long to wait before something that has failed is started again: not at all at first, then ever longer, and not at all
// again once it has done well for a while.

/** From the second failure in a row on, in ms; doubled with each. */
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 10_000;
/** Who has lived for so long has not failed in a row, in ms. */
const FORGIVEN_AFTER_MS = 10_000;

export class BackOff {
  /** Failures in a row. */
  failures = 0;
  #succeededMs = Number.NaN;

  /** It has started, at `nowMs` of a steady clock. */
  succeeded(nowMs: number): void {
    this.#succeededMs = nowMs;
  }

  /** It has failed. Returns how long to wait, in ms. */
  failed(nowMs: number): number {
    if (nowMs - this.#succeededMs >= FORGIVEN_AFTER_MS) this.failures = 0;
    this.#succeededMs = Number.NaN;
    this.failures++;
    return this.failures === 1 ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.failures - 2));
  }
}
