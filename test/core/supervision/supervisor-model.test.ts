// Chance chooses what is asked of the supervisor and what goes wrong. In the end there are as many workers as there should be, or
// none, and nobody waits; that there are never two threads for one number, and the like, is asserted by the played farm.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MAX_WORKERS } from "../../../core/memory/load-board.js";
import { settle } from "../../support/settle.js";
import { Outcome, type PlayedFarm, startedFarm } from "./played-farm.js";

type Step = (farm: PlayedFarm, asked: Outcome[]) => Promise<void> | void;

const pick = <Item>(items: readonly Item[], choice: number): Item | undefined => items[choice % items.length];
const alive = (farm: PlayedFarm) => farm.threads.filter(({ state }) => state !== "gone");

const choice = fc.nat(99);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.integer({ min: 1, max: 6 }).map(
      (ms): Step =>
        (farm) =>
          farm.pass(ms * 100),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 5 }).map(
      (target): Step =>
        (farm, asked) =>
          void asked.push(new Outcome(farm.supervisor.resize(target))),
    ),
  },
  {
    weight: 2,
    arbitrary: choice.map(
      (worker): Step =>
        (farm, asked) => {
          const number = pick(farm.supervisor.workers, worker) ?? 0;
          asked.push(new Outcome(farm.supervisor.drain(number)));
        },
    ),
  },
  fc.constant<Step>((farm, asked) => void asked.push(new Outcome(farm.supervisor.replaceAll()))),
  fc.constantFrom("serve", "fail", "wait").map(
    (starts): Step =>
      (farm) => {
        farm.starts = starts as PlayedFarm["starts"];
      },
  ),
  choice.map(
    (which): Step =>
      (farm) =>
        pick(alive(farm), which)?.serve(),
  ),
  choice.map(
    (which): Step =>
      (farm) =>
        pick(alive(farm), which)?.failToStart(),
  ),
  choice.map(
    (which): Step =>
      (farm) =>
        pick(alive(farm), which)?.fail(),
  ),
  choice.map(
    (which): Step =>
      (farm) => {
        const thread = pick(alive(farm), which);
        if (thread !== undefined) thread.isHanging = !thread.isHanging;
      },
  ),
  choice.map(
    (which): Step =>
      (farm) => {
        const thread = pick(alive(farm), which);
        if (thread !== undefined) thread.isStuck = true;
      },
  ),
  choice.map(
    (which): Step =>
      (farm) =>
        pick(alive(farm), which)?.release(),
  ),
  fc.tuple(choice, fc.nat(2)).map(
    ([which, count]): Step =>
      (farm) => {
        const thread = pick(alive(farm), which);
        if (thread !== undefined) farm.connections(thread.worker, count);
      },
  ),
  fc.integer({ min: 1, max: 100 }).map(
    (s): Step =>
      (farm) =>
        farm.standStill(s * 1_000),
  ),
);

/** From now on all goes well. */
function allGoesWell(farm: PlayedFarm): void {
  farm.starts = "serve";
  for (const thread of alive(farm)) {
    thread.isHanging = false;
    thread.isStuck = false;
    thread.release();
    thread.serve();
    if (thread.state === "serving") farm.connections(thread.worker, 0);
  }
}

test("any sequence of orders and failures, ends with as many workers as there should be, and nobody waiting", async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 4 }),
    fc.boolean(),
    fc.array(step, { maxLength: 30 }),
    fc.constantFrom("drainAll", "stopAll"),
    async (target, tellsOfThreads, steps, end) => {
      const farm = await startedFarm(target, { tellsOfThreads, drainTimeoutMs: 2_000, hangTimeoutMs: 500 });
      const asked: Outcome[] = [];
      for (const take of steps) {
        await take(farm, asked);
        await settle();
        assert.ok(farm.supervisor.target >= 1);
        assert.ok(farm.supervisor.workers.every((worker) => worker < MAX_WORKERS));
      }
      allGoesWell(farm);
      // Longer than any wait before a next thread, and long enough for replacing all of them.
      for (let rounds = 0; rounds < 4; rounds++) {
        await farm.pass(4_000);
        allGoesWell(farm);
      }
      assert.is(farm.supervisor.servingCount, farm.supervisor.target);
      assert.equal(farm.living, farm.supervisor.workers);
      assert.equal([...farm.known].sort(), [...farm.supervisor.workers].sort());
      assert.not(asked.some(({ now }) => now === "pending"));
      const ended = new Outcome(farm.supervisor[end]());
      await farm.pass(1_000);
      assert.is(ended.now, "resolved");
      assert.equal(farm.living, []);
      assert.equal([...farm.known], []);
    },
  );
  await fc.assert(property, { numRuns: 60 });
});

test("any sequence of orders and failures, can be ended at any time", async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 4 }),
    fc.array(step, { maxLength: 20 }),
    fc.constantFrom("drainAll", "stopAll"),
    fc.array(step, { maxLength: 10 }),
    async (target, before, end, after) => {
      const farm = await startedFarm(target, { drainTimeoutMs: 2_000, hangTimeoutMs: 500 });
      const asked: Outcome[] = [];
      for (const take of before) await take(farm, asked);
      asked.push(new Outcome(farm.supervisor[end]()));
      const threads = farm.threads.length;
      for (const take of after) await take(farm, asked);
      allGoesWell(farm);
      // To drain, to stop, and to be ended by force.
      await farm.pass(2_000 + 5_000 + 1_000);
      assert.not(asked.some(({ now }) => now === "pending"));
      assert.is(farm.threads.length, threads);
      assert.equal(farm.living, []);
      assert.equal([...farm.known], []);
    },
  );
  await fc.assert(property, { numRuns: 60 });
});

test.run();
