// Waiting in a test without waiting for time.

/** Lets everything happen that is due now: what promises alone can do, and immediates that were set before. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
