// Waiting in a test without waiting for time.

/** Lets everything happen that is due now: what promises alone can do, and immediates that were set before. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Reads of the same number in a row after which it is taken to stand still. */
const STILL_READS = 5;

/** Waits until the number that `read` gives is above `from`, and stands still; returns it. Each read gives what moves it its time. */
export async function untilStill(read: () => Promise<number>, from = 0): Promise<number> {
  let last = from;
  for (let same = 0; same < STILL_READS; ) {
    const now = await read();
    same = now === last && now > from ? same + 1 : 0;
    last = now;
  }
  return last;
}
