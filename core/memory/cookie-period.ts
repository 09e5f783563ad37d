// In which period of time a worker of the farm has last sent a SYN cookie: one word for all workers, since any of them may be sent
// what another's cookie has brought. While none was sent there is nothing to prove, and nobody can guess. A period is
// what the cookies make of it (workers/tcp/syn-cookie.ts).
// writers: workers, by compare-and-swap, so that one whose clock is a turn behind takes nothing back · readers: workers
//
//   word 0   number of the period, above 0; 0: none was sent

const LAST = 0;

export function allocateCookiePeriod(): SharedArrayBuffer {
  return new SharedArrayBuffer(4);
}

export class CookiePeriod {
  readonly #word: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#word = new Int32Array(buffer);
  }

  /** A cookie is sent in this period. Writes once a period. */
  note(period: number): void {
    for (;;) {
      const last = Atomics.load(this.#word, LAST);
      if (last >= period || Atomics.compareExchange(this.#word, LAST, last, period) === last) return;
    }
  }

  /** Whether one was sent in this period or since. */
  wasSentSince(period: number): boolean {
    return Atomics.load(this.#word, LAST) >= period;
  }
}
