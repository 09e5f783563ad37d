// Handlers as apps have them: they wait for something, or they compute. An await alone keeps no worker from anything, so that one worker
// serves thousands of them; what makes an app that waits need workers is what each of them has few of. That is a pool of connections to
// a backend (`concurrency` of them are used at once, the rest queues), or, with 1, the thread itself: a handler that calls something
// synchronous (readFileSync, better-sqlite3, execFileSync) blocks it.

import { type App, HttpResponse } from "../../workers/app/app.js";
import { burn } from "./burn.js";

export interface HandlerOptions {
  /** How long a handler waits, in ms. */
  readonly waitMs: number;
  /** How many handlers of one worker wait at once; 1: the thread is blocked. */
  readonly concurrency: number;
  /** Steps of `burn` that a handler does. */
  readonly burnSteps: number;
}

export function handlerApp({ waitMs, concurrency, burnSteps }: HandlerOptions): App {
  const wait = concurrency === 1 ? blocking(waitMs) : pooled(waitMs, concurrency);
  return {
    sessionless: () => true,
    async fetch() {
      if (waitMs > 0) await wait();
      return HttpResponse.text(`${burnSteps > 0 ? burn(burnSteps) : "waited"}\n`);
    },
  };
}

function blocking(ms: number): () => void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  return () => void Atomics.wait(never, 0, 0, ms);
}

/** Whoever comes first is served first. */
function pooled(ms: number, concurrency: number): () => Promise<void> {
  const queue: (() => void)[] = [];
  let used = 0;
  return async () => {
    if (used === concurrency) await new Promise<void>((resolve) => queue.push(resolve));
    else used++;
    await new Promise<void>((resolve) => setTimeout(resolve, ms));
    const next = queue.shift();
    if (next === undefined) used--;
    else next();
  };
}
