// Atomics.waitAsync does not keep the event loop alive: a test that waits by it needs something that does.

/** Runs `body` with an event loop that stays alive until it is done. */
export async function kept(body: () => Promise<void>): Promise<void> {
  const alive = setInterval(() => {}, 1000);
  try {
    await body();
  } finally {
    clearInterval(alive);
  }
}
