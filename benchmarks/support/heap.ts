// Says what a piece of work leaves on the heap. Two figures and a count, because each alone can mislead: what was allocated is
// seen only while nothing is collected, and what is left after a collection says nothing about garbage.

import { PerformanceObserver } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export interface HeapFigure {
  /** Heap in use after the work less before, nothing collected in between by us: all that was allocated, if `collections` is 0. */
  readonly allocatedBytes: number;
  /** The same after a full collection at either end: what stays. */
  readonly retainedBytes: number;
  /** Collections during the work, by the engine's own choice. */
  readonly collections: number;
}

// Takes the flag back at once: the function goes on working, and nobody else sees a `gc`.
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
setFlagsFromString("--no-expose-gc");

function usedBytes(): number {
  return process.memoryUsage().heapUsed;
}

/** Does the work, which must be synchronous, and returns its result beside what it left on the heap. */
export async function measureHeap<Result>(
  work: () => Result,
): Promise<{ readonly result: Result; readonly heap: HeapFigure }> {
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  collect();
  // What the event loop still has to do for others, and to tell of the collection above, is done before, not within.
  await nextEventLoopTurn();
  observer.observe({ entryTypes: ["gc"] });
  const before = usedBytes();
  const result = work();
  const allocatedBytes = usedBytes() - before;
  // Collections are told of by an event.
  await nextEventLoopTurn();
  collections += observer.takeRecords().length;
  observer.disconnect();
  collect();
  const retainedBytes = usedBytes() - before;
  return { result, heap: { allocatedBytes, retainedBytes, collections } };
}

function nextEventLoopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
