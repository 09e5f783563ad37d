// Puts a test file into a network namespace of its own. Where that is not allowed the tests are skipped, visibly; in CI (the
// variable CI is set) they fail instead.

import { test } from "uvu";
import { isInside, reenter, refusal } from "../../benchmarks/support/namespace.js";

/**
 * True inside of the namespace: register the tests. False outside: they have been run there, or counted as skipped, and
 * the file has nothing to do.
 */
export function enterNamespace(): boolean {
  if (isInside()) return true;
  const reason = refusal();
  if (reason === undefined) {
    process.exitCode = reenter();
  } else if (process.env.CI !== undefined) {
    test(reason, () => {
      throw new Error(`${reason}; in CI this must work`);
    });
    test.run();
  } else {
    process.stdout.write(`# skipped: ${reason}\n`);
    test.skip(reason, () => {});
    test.run();
  }
  return false;
}
