// Trying again: a fault is injected into a database that other faults may keep from being reached just then.

import { setTimeout as wait } from "node:timers/promises";

const TIMEOUT_MS = 20_000;
const RETRY_MS = 50;

/** Tries until it goes; rejects with the last attempt's error if it has not for `TIMEOUT_MS`. */
export async function insist<T>(attempt: () => Promise<T>): Promise<T> {
  const giveUpAtMs = performance.now() + TIMEOUT_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > giveUpAtMs) throw error;
    }
    await wait(RETRY_MS);
  }
}
