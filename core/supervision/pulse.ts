// How a thread that hangs is told from one that is well: by a word that it keeps changing, looked at again and again. Knows
// neither threads nor what is done about one that hangs; time is given to it. What always holds: the time that the whole
// process stood still (SIGSTOP, a machine that slept) is held against nobody; a tick that is late itself tells of it.

/** How often threads are to be looked at, in ms. */
export const TICK_INTERVAL_MS = 100;
/** A tick that is later than this, in ms, says that the whole process stood still. */
const LATE_TICK_MS = 400;

/** A thread does not answer any more. */
export class HangError extends Error {
  override readonly name = "HangError";
  readonly code: "worker_hangs" | "storage_hangs";

  constructor(code: HangError["code"], message: string) {
    super(message);
    this.code = code;
    // Where it was noticed says nothing of where it hangs.
    this.stack = `${this.name}: ${message}`;
  }
}

/** The ticks of who looks. */
export class Ticks {
  #lastMs: number;

  /** The first tick is due `TICK_INTERVAL_MS` after `nowMs`. */
  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }

  /** A tick, at `nowMs`. Returns by how much the clock has jumped since the last one, in ms: 0 as a rule. */
  tick(nowMs: number): number {
    const lateMs = nowMs - this.#lastMs - TICK_INTERVAL_MS;
    this.#lastMs = nowMs;
    return lateMs > LATE_TICK_MS ? lateMs : 0;
  }
}

/** The heartbeat of one thread, as far as it was seen. */
export class Pulse {
  /** The word, as it was at the last look. */
  beat: number;
  #changedMs: number;

  /** The thread is well at `nowMs`, and its word is `beat`. */
  constructor(beat: number, nowMs: number) {
    this.beat = beat;
    this.#changedMs = nowMs;
  }

  /** Looks at it at `nowMs`, after a jump of the clock by `lateMs`. Returns for how long it has stood still, in ms; 0: it beats. */
  look(beat: number, nowMs: number, lateMs: number): number {
    // What began after the jump has lost nothing by it.
    this.#changedMs = Math.min(nowMs, this.#changedMs + lateMs);
    if (beat !== this.beat) {
      this.beat = beat;
      this.#changedMs = nowMs;
    }
    return nowMs - this.#changedMs;
  }
}
