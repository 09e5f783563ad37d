// A clock that all threads of the process read alike, and that never steps: for times that one thread tells another. Where a
// thread's own performance.now() begins depends on Node's version.

/** Whole milliseconds, since no particular time. */
export function processMs(): number {
  return Math.floor(Number(process.hrtime.bigint() / 1000n) / 1000);
}
