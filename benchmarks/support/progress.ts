// How far a benchmark is: a bar on a terminal, a line for each measurement elsewhere, on standard error either way. And the end of
// its time: asked at each measurement, so that one ends that never gives the event loop a turn.

import { setImmediate as eventLoopTurn } from "node:timers/promises";
import { SingleBar } from "cli-progress";

/** The benchmark has used up its time. */
export class TimeLimitError extends Error {
  override readonly name = "TimeLimitError";
  readonly code = "ERR_TIME_LIMIT";

  constructor(seconds: number) {
    super(`not done within ${seconds} s: give it more with --time-limit, or less to do`);
  }
}

/** What a benchmark tells of itself while it runs. */
export interface Progress {
  /** So many more measurements are to come. */
  expect(measurements: number): void;
  /** The next one begins. Throws a TimeLimitError when the time is up. */
  next(what: string): void;
}

/** Says nothing, and never ends: for tests, which have limits of their own. */
export const silentProgress: Progress = { expect() {}, next() {} };

/** One that waits for nothing. */
export interface Measurement<Figure> {
  readonly what: string;
  measure(): Figure;
}

/** Takes them one after the other, with a turn of the event loop before each: without it no signal would end the benchmark. */
export async function measureEach<Figure>(
  measurements: readonly Measurement<Figure>[],
  progress: Progress,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { what, measure } of measurements) {
    await eventLoopTurn();
    progress.next(what);
    figures.push(measure());
  }
  return figures;
}

export class ShownProgress implements Progress {
  readonly #limitSeconds: number;
  readonly #startedMs = performance.now();
  readonly #bar: SingleBar | undefined;
  #expected = 0;
  #begun = 0;

  constructor(limitSeconds: number) {
    this.#limitSeconds = limitSeconds;
    if (!process.stderr.isTTY) return;
    this.#bar = new SingleBar({
      format: "{bar} {value}/{total} {what}",
      barsize: 24,
      barCompleteChar: "█",
      barIncompleteChar: "░",
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
    });
  }

  expect(measurements: number): void {
    this.#expected += measurements;
    if (this.#bar?.isActive) this.#bar.setTotal(this.#expected);
    else this.#bar?.start(this.#expected, 0, { what: "" });
  }

  next(what: string): void {
    if (performance.now() - this.#startedMs > this.#limitSeconds * 1000)
      throw new TimeLimitError(this.#limitSeconds);
    this.#begun++;
    if (this.#bar === undefined) process.stderr.write(`${this.#begun}/${this.#expected} ${what}\n`);
    else this.#bar.update(this.#begun - 1, { what });
  }

  /** Takes the bar away. */
  end(): void {
    this.#bar?.stop();
  }
}
