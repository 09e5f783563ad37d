// Drives the director through the event loop: turn after turn while packets come, and asleep on the links' readiness
// when none do, as Linux's NAPI goes from polling to interrupts. A slow timer does the housekeeping of an idle farm.

import { BURST_PACKETS } from "../link/link.js";
import type { Director } from "./director.js";

/** Turns in a row before the event loop gets its own: timers, signals, messages. */
const TURNS_PER_EVENT_LOOP = 8;

/** How often an idle farm collects slots and ages entries, in ms. */
const IDLE_INTERVAL_MS = 100;

export class DirectorLoop {
  readonly #director: Director;
  #idleTimer: NodeJS.Timeout | undefined;
  #isRunning = false;
  /** Whether a run is due or under way: a wake-up then has nothing to add. */
  #isAwake = false;

  constructor(director: Director) {
    this.#director = director;
  }

  start(): void {
    this.#isRunning = true;
    this.#wake();
    this.#idleTimer = setInterval(() => {
      if (!this.#isAwake) this.#director.turn();
    }, IDLE_INTERVAL_MS);
  }

  stop(): void {
    this.#isRunning = false;
    clearInterval(this.#idleTimer);
    this.#director.close();
  }

  readonly #wake = (): void => {
    if (this.#isAwake || !this.#isRunning) return;
    this.#isAwake = true;
    this.#run();
  };

  readonly #run = (): void => {
    if (!this.#isRunning) return;
    for (let turn = 0; turn < TURNS_PER_EVENT_LOOP; turn++) {
      // A burst that is not full has emptied the links; should more have come since, they say so at once.
      if (this.#director.turn() >= BURST_PACKETS) continue;
      this.#isAwake = false;
      this.#director.wait(this.#wake);
      return;
    }
    setImmediate(this.#run);
  };
}
