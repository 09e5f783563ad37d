// Puts a test file into a network namespace of its own: the file starts itself again under `unshare -n`, and devices,
// addresses and traffic stay in there and go with it. Where that is not allowed the tests are skipped, visibly; in CI
// (the variable CI is set) they fail instead.

import { execFileSync, spawnSync } from "node:child_process";
import { test } from "uvu";

const MARK = "LIMPET_TEST_NAMESPACE";

/**
 * True inside of the namespace: register the tests. False outside: they have been run there, or counted as skipped, and
 * the file has nothing to do.
 */
export function enterNamespace(): boolean {
  if (process.env[MARK] === "1") {
    // Loopback addresses of a range of their own, each of which can be a client's: on `lo` the whole prefix is local.
    execFileSync("ip", ["link", "set", "lo", "up"]);
    execFileSync("ip", ["addr", "add", "198.19.0.1/16", "dev", "lo"]);
    return true;
  }
  const refusal = whyNot();
  if (refusal !== undefined) {
    const reason = `# skipped: ${refusal}`;
    if (process.env.CI !== undefined) {
      test(reason, () => {
        throw new Error(`${refusal}; in CI this must work`);
      });
    } else {
      process.stdout.write(`${reason}\n`);
      test.skip(reason, () => {});
    }
    test.run();
    return false;
  }
  const child = spawnSync(
    "unshare",
    ["-n", process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    {
      stdio: "inherit",
      env: { ...process.env, [MARK]: "1" },
    },
  );
  process.exitCode = child.status ?? 1;
  return false;
}

function whyNot(): string | undefined {
  if (process.platform !== "linux") return "TUN devices of limpet's kind exist on Linux only";
  const probe = spawnSync("unshare", ["-n", "ip", "tuntap", "add", "dev", "probe0", "mode", "tun"], {
    encoding: "utf8",
  });
  if (probe.status === 0) return undefined;
  const cause = probe.error?.message ?? probe.stderr.trim();
  return `a network namespace with a TUN device cannot be made here (${cause}): run as root, with iproute2 installed`;
}
