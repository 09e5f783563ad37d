// What a farm is put under to tune it. One interface, so that settings are compared the same way whoever asks: a list of requests that
// connections send without pause, or people who shop.

import type { LoadResult } from "../support/load.js";

/** `requests` and the rate are of good answers, below 400, alone. */
export interface LoadFigures
  extends Pick<LoadResult, "requests" | "requestsPerSecond" | "p50Us" | "p99Us" | "failures"> {
  /** What the first failure was, in words. */
  readonly firstFailure?: string;
}

export interface TuneLoad {
  /** What it is, for people: "64 connections, shop requests". */
  readonly description: string;
  /** Ends within seconds of its time. Everything that it does must be the same each time, whatever the setting. */
  run(urls: readonly string[], seconds: number): Promise<LoadFigures>;
}
