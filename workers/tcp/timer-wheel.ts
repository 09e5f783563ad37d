// A hashed timing wheel (Varghese and Lauck): timers in the slot of their millisecond, linked through the timed
// objects themselves, so that starting and stopping one is a few stores. It reads no clock: time comes with each
// call. A deadline further away than one turn of the wheel waits in its slot for its round. No timer fires early.

/** What can be timed: one timer an object. The fields are the wheel's own. */
export interface Timed {
  /** When the timer is due, in whole milliseconds; -1 while it is in no wheel. */
  timerAtMs: number;
  timerNext: Timed | null;
  timerPrevious: Timed | null;
}

const SLOTS = 4096;
const SLOT_MASK = SLOTS - 1;

export class TimerWheel {
  readonly #heads: (Timed | null)[] = new Array<Timed | null>(SLOTS).fill(null);
  /** A bit a slot: whether it has timers. */
  readonly #occupied = new Int32Array(SLOTS / 32);
  readonly #fire: (timed: Timed) => void;
  /** All timers due at this time or before have fired. */
  #expiredMs: number;
  #count = 0;

  /**
   * `fire` is called for each timer that is due; the timer is no longer in the wheel then and may be scheduled anew.
   */
  constructor(nowMs: number, fire: (timed: Timed) => void) {
    this.#expiredMs = nowMs;
    this.#fire = fire;
  }

  /** Timers in the wheel. */
  get count(): number {
    return this.#count;
  }

  /** Starts the timer, or moves it. A time that has passed already means the next millisecond. */
  schedule(timed: Timed, atMs: number): void {
    if (timed.timerAtMs >= 0) this.cancel(timed);
    const dueMs = atMs > this.#expiredMs ? atMs : this.#expiredMs + 1;
    const slot = dueMs & SLOT_MASK;
    const head = this.#heads[slot]!;
    timed.timerAtMs = dueMs;
    timed.timerNext = head;
    timed.timerPrevious = null;
    if (head !== null) head.timerPrevious = timed;
    else this.#occupied[slot >>> 5]! |= 1 << (slot & 31);
    this.#heads[slot] = timed;
    this.#count++;
  }

  /** Stops the timer, if it runs. */
  cancel(timed: Timed): void {
    if (timed.timerAtMs < 0) return;
    const slot = timed.timerAtMs & SLOT_MASK;
    const { timerNext, timerPrevious } = timed;
    if (timerNext !== null) timerNext.timerPrevious = timerPrevious;
    if (timerPrevious !== null) timerPrevious.timerNext = timerNext;
    else {
      this.#heads[slot] = timerNext;
      if (timerNext === null) this.#occupied[slot >>> 5]! &= ~(1 << (slot & 31));
    }
    timed.timerNext = null;
    timed.timerPrevious = null;
    timed.timerAtMs = -1;
    this.#count--;
  }

  /**
   * A time no later than the earliest deadline, and later than now once `expire` was called; Infinity without timers.
   * Earlier than the deadline only for a timer more than a turn of the wheel away.
   */
  nextDeadlineMs(): number {
    if (this.#count === 0) return Number.POSITIVE_INFINITY;
    const first = this.#expiredMs + 1;
    // Word by word round the wheel; the word that we start in is looked at twice, its low bits at the end.
    const firstSlot = first & SLOT_MASK;
    const words = this.#occupied.length;
    for (let step = 0; step <= words; step++) {
      const word = ((firstSlot >>> 5) + step) & (words - 1);
      let bits = this.#occupied[word]!;
      if (step === 0) bits &= -1 << (firstSlot & 31);
      if (bits !== 0) {
        const slot = (word << 5) + 31 - Math.clz32(bits & -bits);
        return first + ((slot - firstSlot) & SLOT_MASK);
      }
    }
    return first + SLOTS;
  }

  /** Fires every timer that is due at `nowMs` or before. */
  expire(nowMs: number): void {
    if (nowMs <= this.#expiredMs) return;
    const start = this.#expiredMs + 1;
    // Timers that are started meanwhile are due after now, so that each slot is looked at once.
    this.#expiredMs = nowMs;
    const slots = Math.min(nowMs - start + 1, SLOTS);
    for (let step = 0; step < slots && this.#count > 0; step++) {
      const slot = (start + step) & SLOT_MASK;
      if ((this.#occupied[slot >>> 5]! & (1 << (slot & 31))) !== 0) this.#expireSlot(slot, nowMs);
    }
  }

  #expireSlot(slot: number, nowMs: number): void {
    // What `fire` does to other timers of this slot can change the list at any place, but a new timer is put at its
    // head and is not due: starting again after each one that fired is simple, and each one fires once.
    let timed: Timed | null = this.#heads[slot]!;
    while (timed !== null) {
      if (timed.timerAtMs > nowMs) {
        timed = timed.timerNext;
        continue;
      }
      const next: Timed | null = timed.timerNext;
      this.cancel(timed);
      this.#fire(timed);
      timed =
        next !== null && next.timerAtMs >= 0 && (next.timerAtMs & SLOT_MASK) === slot
          ? next
          : this.#heads[slot]!;
    }
  }
}
