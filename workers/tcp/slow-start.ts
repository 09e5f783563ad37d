// How fast the congestion window grows in the first slow start, and when that is over before a loss ends it (HyStart++, RFC 9406):
// when the shortest round trip of a round is longer than that of the round before by more than chance, a queue is filling. Growth
// is slower then, and after some rounds of that slow start is over, unless the round trips fall again.

const MIN_RISE_MS = 4;
const MAX_RISE_MS = 16;
/** Part of the last round's round trip that is a rise. */
const RISE_SHIFT = 3;
const SAMPLES = 8;
/** A quarter of the growth, for so many rounds. */
const CAREFUL_SHIFT = 2;
const CAREFUL_ROUNDS = 5;
const UNKNOWN_MS = 0x3fff_ffff;

export class SlowStart {
  /** Bytes whose acknowledgment ends the round. */
  #roundLeft = 0;
  #lastMs = UNKNOWN_MS;
  #roundMs = UNKNOWN_MS;
  #samples = 0;
  /** Rounds of careful growth yet to come, 0 outside of it, and the round trip that began it. */
  #carefulRounds = 0;
  #carefulMs = UNKNOWN_MS;
  isOver = false;

  /** `acked` bytes of `inFlight` were acknowledged after `roundTripMs`. Returns by how much the window is to grow. */
  acknowledged(acked: number, inFlight: number, roundTripMs: number): number {
    this.#roundLeft -= acked;
    if (this.#roundLeft <= 0) this.#beginRound(Math.max(inFlight - acked, 0));
    if (roundTripMs < this.#roundMs) this.#roundMs = roundTripMs;
    if (++this.#samples >= SAMPLES) this.#judge();
    return this.#carefulRounds > 0 ? acked >> CAREFUL_SHIFT : acked;
  }

  #beginRound(inFlight: number): void {
    this.#roundLeft = inFlight;
    this.#lastMs = this.#roundMs;
    this.#roundMs = UNKNOWN_MS;
    this.#samples = 0;
    if (this.#carefulRounds > 0 && --this.#carefulRounds === 0) this.isOver = true;
  }

  #judge(): void {
    if (this.#carefulRounds > 0) {
      // It was chance after all.
      if (this.#roundMs < this.#carefulMs) this.#carefulRounds = 0;
      return;
    }
    if (this.#lastMs === UNKNOWN_MS) return;
    const rise = Math.min(Math.max(this.#lastMs >> RISE_SHIFT, MIN_RISE_MS), MAX_RISE_MS);
    if (this.#roundMs < this.#lastMs + rise) return;
    this.#carefulMs = this.#roundMs;
    this.#carefulRounds = CAREFUL_ROUNDS;
  }
}
