// A farm over a real TUN device, flooded from forged addresses, while real clients come: the kernel's own TCP, from addresses that
// were never seen and from ones that were. Runs in a network namespace of its own.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { Agent } from "node:http";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ForgedKind } from "../../benchmarks/support/forged-packets.js";
import { clientAddress } from "../../benchmarks/support/namespace.js";
import { createFarm, type Farm } from "../../core/farm.js";
import { ask } from "../support/client.js";
import { enterNamespace } from "../support/namespace.js";

const WORKERS = 2;
const URL4 = "http://198.18.0.1/";
/** What the farm bears of half-open flows, and so the least that is kept of a flood. */
const HALF_OPEN = 1024;
const PACKETS_A_SECOND = 20_000;
const SECONDS = 3;

const generator = fileURLToPath(new URL("../../benchmarks/support/flood-generator.js", import.meta.url));

if (enterNamespace()) {
  let farm: Farm;
  const flood = suite("syn flood");

  flood.before(async () => {
    farm = createFarm({
      app: new URL("../support/test-app.js", import.meta.url),
      workers: WORKERS,
      database: ":memory:",
      socket: "none",
      admin: "none",
      logLevel: "fatal",
      flowEntries: 65_536,
    });
    await farm.listen();
  });
  flood.after(() => farm.close());

  /** Floods the farm, and has `during` done again and again meanwhile. Returns the number of packets, and of rounds. */
  async function underFlood(
    kind: ForgedKind,
    during: (round: number) => Promise<void>,
  ): Promise<{ sent: number; rounds: number }> {
    const rate = [PACKETS_A_SECOND, SECONDS, 7].map(String);
    const child = spawn(process.execPath, [generator, kind, "198.18.0.1", "80", ...rate], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    const ended = once(child, "close");
    let isOver = false;
    void ended.then(() => (isOver = true));
    let rounds = 0;
    while (!isOver) await during(rounds++);
    const [, report] = output.trim().split("\n");
    return { sent: JSON.parse(report!).sent, rounds };
  }

  /** SYN cookies that the workers have counted, at most a second ago. */
  function cookies(event: "sent" | "accepted" | "rejected"): number {
    return [...farm.workerCounts().values()].reduce((sum, of) => sum + of[`tcp_syn_cookies_${event}`], 0);
  }

  /** Asks until it holds: counters are published now and then, and each request gives packets on their way a turn. */
  async function eventually(holds: () => boolean, what: () => string): Promise<void> {
    for (let tries = 0; tries < 5000 && !holds(); tries++) await ask(URL4);
    assert.ok(holds(), what());
  }

  flood(
    "SYNs from forged addresses, keep no client from being served, and leave no more than the farm bears",
    async () => {
      const agent = new Agent({ keepAlive: true });
      // Once a connection of it was real, the source is known.
      await ask(URL4, { localAddress: clientAddress(1) });
      await ask(URL4, { agent, localAddress: clientAddress(2) });
      const before = farm.status();
      let floodedRounds = 0;
      const { sent, rounds } = await underFlood("syn", async (round) => {
        if (farm.status().verdicts["syn-cookie"] > 0) floodedRounds++;
        const answers = await Promise.all([
          ask(URL4, { localAddress: clientAddress(1) }),
          ask(URL4, { agent, localAddress: clientAddress(2) }),
          ask(URL4, { localAddress: clientAddress(1000 + round) }),
          ask(`${URL4}bytes?n=200000`, { localAddress: clientAddress(20_000 + round) }),
        ]);
        assert.equal(
          answers.map(({ status }) => status),
          [200, 200, 200, 200],
        );
        assert.is(answers[3]!.body.length, 200_000);
      });
      agent.destroy();
      assert.ok(sent > HALF_OPEN * 4 && floodedRounds > 0, `${sent} packets, ${rounds} rounds`);
      const { verdicts, flows, sources } = farm.status();
      assert.ok(flows <= before.flows + HALF_OPEN + 2 * rounds, `${flows} flows`);
      assert.ok(sources <= before.sources + HALF_OPEN + 2 * rounds, `${sources} sources`);
      // Every forged SYN but those that are kept was sent for a cookie, dropped for those who are served, or never read.
      assert.ok(
        verdicts["syn-cookie"] > 0 && verdicts["syn-cookie"] + verdicts["syn-limited"] <= sent + 4 * rounds,
      );
      assert.is(verdicts["table-full"], 0);
      // Those who had never been seen have proven themselves.
      await eventually(
        () => cookies("accepted") >= floodedRounds && cookies("sent") > HALF_OPEN,
        () => `${cookies("accepted")} cookies accepted of ${cookies("sent")}`,
      );
    },
  );

  flood("ACKs from forged addresses, are none of a cookie, and leave nothing at all", async () => {
    const before = farm.status();
    const { rounds } = await underFlood("ack", async (round) => {
      assert.is((await ask(URL4, { localAddress: clientAddress(5000 + round) })).status, 200);
    });
    await eventually(
      () => cookies("rejected") > HALF_OPEN && farm.status().freeSlots === farm.status().poolSlots,
      () => `${cookies("rejected")} cookies rejected, ${farm.status().freeSlots} slots free`,
    );
    const after = farm.status();
    assert.ok(after.flows <= before.flows + 10, `${before.flows}, then ${after.flows} flows`);
    assert.ok(
      after.sources <= before.sources + rounds + 10,
      `${before.sources}, then ${after.sources} sources`,
    );
    assert.ok(after.flowCounters.sources_unproven > HALF_OPEN);
  });

  flood.run();
}
