// How often a worker's cache of a given size has the session that is wanted: the cache alone, asked by Zipf's law, in no time but its own.

import { SessionCache } from "../../workers/session/session-cache.js";
import { sessionKeyOf } from "../../workers/session/session-id.js";
import { Random, zipf } from "./random.js";
import { EXPIRES_MS } from "./storage-load.js";

export interface CacheLoad {
  /** Sessions that the cache is asked for, number n (from 1) 1/n as often as the first. */
  readonly sessions: number;
  readonly stateBytes: number;
  readonly seed: number;
}

export interface CacheFigure {
  readonly cacheMib: number;
  /** Sessions that it holds in the end. */
  readonly held: number;
  readonly hitRatio: number;
}

/** Draws for each session that there is: as many again before anything is counted. */
const DRAWS_PER_SESSION = 10;

export function simulateCache(cacheMib: number, { sessions, stateBytes, seed }: CacheLoad): CacheFigure {
  const cache = new SessionCache(cacheMib * 1024 * 1024, EXPIRES_MS, () => 1);
  const state = new Uint8Array(stateBytes);
  const entries = Array.from({ length: sessions }, (_, n) => {
    const id = `cached-${n}`;
    return { id, key: sessionKeyOf(id), state, version: 1, expiresAtMs: EXPIRES_MS, createdAtMs: 0 };
  });
  const draw = zipf(new Random(seed), sessions);
  const draws = sessions * DRAWS_PER_SESSION;
  let hits = 0;
  for (let n = 0; n < 2 * draws; n++) {
    const entry = entries[draw()]!;
    if (cache.get(entry.id) === undefined) cache.set(entry);
    else if (n >= draws) hits++;
  }
  return { cacheMib, held: cache.size, hitRatio: hits / draws };
}
