// What a farm is put under to tune it. One interface, so that settings are compared the same way whoever asks: a list of requests that
// connections send without pause, or people who shop. It goes on from the warm-up to the end of the measurement: a load that began anew
// in between would be measured at its beginning.

import type { LoadResult } from "../support/load.js";

/** `requests` and the rate are of good answers alone. */
export interface LoadFigures
  extends Pick<LoadResult, "requests" | "requestsPerSecond" | "p50Us" | "p99Us" | "failures"> {
  /** What the first failure was, in words. */
  readonly firstFailure?: string;
}

export interface TuneLoad {
  /** What it is, for people: "64 connections, shop requests". */
  readonly description: string;
  /** How long it takes until all of it is there. */
  readonly arrivalSeconds: number;
  /** Begins. Everything that it does must be the same each time, whatever the setting. Rejects if nobody answers at all. */
  start(urls: readonly string[]): Promise<RunningLoad>;
}

export interface RunningLoad {
  /** Forgets what was seen so far: after a warm-up, which is not to be measured. */
  countAnew(): void;
  /** Since the start, or `countAnew`. */
  figures(): LoadFigures;
  /** Ends within seconds. */
  stop(): Promise<void>;
}
