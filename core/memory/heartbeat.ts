// The heartbeat of a thread: one word that it keeps changing while its event loop turns, so that another can tell one that
// hangs from one that has nothing to do. The storage thread's; workers have theirs on the load board. It must not know who
// looks, nor how long is too long. What always holds: a word is one thread's, and the next thread has another, so that
// nobody takes the beats of one that loads for those of one that hangs.
// writer: the storage thread · reader: main
//
//   word 0     beats so far, 32 bits that wrap

export function allocateHeartbeat(): SharedArrayBuffer {
  return new SharedArrayBuffer(4);
}

/**
 * Either end. The race is with the compiler alone: a plain load in a loop may be done once, and a word that seems to stand
 * still is the end of a thread. Nothing else is read because of a beat, so no order is needed.
 */
export class Heartbeat {
  readonly #words: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  /** For the writer. */
  beat(): void {
    Atomics.add(this.#words, 0, 1);
  }

  get beats(): number {
    return Atomics.load(this.#words, 0);
  }
}
