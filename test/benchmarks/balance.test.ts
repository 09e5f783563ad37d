// The balance and hashing benchmarks: their instruments (chance, Maglev's table, the simulated farm), what the simulation must
// show whatever the seed, and both commands at a small size.

import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  BALANCE_TRAFFIC,
  type BalanceFigure,
  FLOWS_PER_WORKER,
  runBalance,
} from "../../benchmarks/balance.js";
import { runHashing } from "../../benchmarks/hashing.js";
import { MAGLEV_PLACES, maglevTable } from "../../benchmarks/support/maglev.js";
import { silentProgress } from "../../benchmarks/support/progress.js";
import { Random, zipf } from "../../benchmarks/support/random.js";
import { SimulatedFarm } from "../../benchmarks/support/simulated-farm.js";
import { POLICIES, type Policy, type PolicyName } from "../../core/director/policies.js";
import { SPILL_ALLOWANCE_FLOWS } from "../../core/director/spill.js";
import { STATE_SOURCE } from "../../core/flow/flow-entry.js";
import {
  BOARD_FLOWS,
  BOARD_IN_FLIGHT,
  BOARD_SOURCES,
  BOARD_WEIGHT,
  FULL_WEIGHT,
  MAX_WORKERS,
} from "../../core/memory/load-board.js";

import { bench, runBench } from "../support/limpet-bench.js";
import { balanceFigures } from "./schemas/balance.js";
import { hashingFigures } from "./schemas/hashing.js";

const policyNames = Object.keys(POLICIES) as PolicyName[];

// ---- Instruments ----------------------------------------------------------------------------------------------------

const instruments = suite("balance's instruments");

instruments("Random, with one seed, repeats itself, and with another does not", () => {
  const draw = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 8 }, () => random.word());
  };
  assert.equal(draw(1), draw(1));
  assert.not.equal(draw(1), draw(2));
});

instruments("Random, over many draws, has the means that it should", () => {
  const random = new Random(1);
  const draws = 100_000;
  let fractions = 0;
  let waits = 0;
  let below = 0;
  for (let i = 0; i < draws; i++) {
    const fraction = random.fraction();
    assert.ok(fraction >= 0 && fraction < 1);
    fractions += fraction;
    waits += random.wait(500);
    below += random.below(5);
  }
  // Five standard deviations of the mean.
  assert.ok(Math.abs(fractions / draws - 0.5) < 5 * Math.sqrt(1 / 12 / draws));
  assert.ok(Math.abs(waits / draws - 500) < (5 * 500) / Math.sqrt(draws));
  assert.ok(Math.abs(below / draws - 2) < 5 * Math.sqrt(2 / draws));
});

instruments("zipf, draws number n one n-th as often as the first, and none beyond the last", () => {
  const draws = 100_000;
  const draw = zipf(new Random(1), 4);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < draws; i++) counts[draw()]! += 1;
  const first = draws / (1 + 1 / 2 + 1 / 3 + 1 / 4);
  for (const [n, count] of counts.entries())
    assert.ok(Math.abs(count - first / (n + 1)) < 5 * Math.sqrt(first), counts.join(", "));
});

instruments("Maglev's table, for any workers, gives each the same number of places but for one", () => {
  const anyWorkers = fc.uniqueArray(fc.nat(MAX_WORKERS - 1), { minLength: 1, maxLength: MAX_WORKERS });
  fc.assert(
    fc.property(anyWorkers, (workers) => {
      const counts = new Map(workers.map((worker) => [worker, 0]));
      for (const worker of maglevTable(workers)) counts.set(worker, counts.get(worker)! + 1);
      assert.is(counts.size, workers.length);
      const places = [...counts.values()];
      assert.is(
        places.reduce((sum, count) => sum + count, 0),
        MAGLEV_PLACES,
      );
      assert.ok(Math.max(...places) - Math.min(...places) <= 1);
    }),
    { numRuns: 20 },
  );
});

instruments("Maglev's table, when a worker leaves, keeps almost all places of the others", () => {
  const workers = Array.from({ length: 16 }, (_, worker) => worker);
  const before = maglevTable(workers);
  const after = maglevTable(workers.filter((worker) => worker !== 5));
  const moved = before.filter((worker, place) => worker !== 5 && worker !== after[place]).length;
  // What makes it consistent hashing; a table without orders of its own would move 14 of 15.
  assert.ok(moved / MAGLEV_PLACES < 0.02, String(moved));
});

instruments("Maglev's table, of no workers, is an error", () => {
  assert.throws(() => maglevTable([]), /at least one worker/);
});

function farmOf(
  workers: number,
  policy: Policy,
  changes: { spillFlows?: number; slowStartMs?: number } = {},
) {
  return new SimulatedFarm({
    workers,
    policy,
    spillFlows: 0,
    slowStartMs: 0,
    seed: 1,
    random: new Random(1),
    ...changes,
  });
}

function wordsOf(farm: SimulatedFarm, workers: number, word: number): number[] {
  return Array.from({ length: workers }, (_, worker) => farm.board.get(worker, word));
}

const nothing = () => {};

instruments("simulated farm, left to itself, comes to rest: no flow, no request, then no source", () => {
  const farm = farmOf(3, POLICIES["least-loaded"]);
  for (let source = 0; source < 100; source++) farm.begin(source);
  farm.step(nothing);
  assert.equal(wordsOf(farm, 3, BOARD_FLOWS), [34, 33, 33]);
  assert.equal(wordsOf(farm, 3, BOARD_SOURCES), [34, 33, 33]);
  assert.ok(wordsOf(farm, 3, BOARD_IN_FLIGHT).reduce((sum, count) => sum + count, 0) > 90);
  for (let ms = 0; ms < 60_000; ms++) farm.step(nothing);
  for (const word of [BOARD_FLOWS, BOARD_IN_FLIGHT, BOARD_SOURCES])
    assert.equal(wordsOf(farm, 3, word), [0, 0, 0]);
});

instruments("simulated farm, with a source that begins many flows, has them all with one worker", () => {
  const farm = farmOf(4, POLICIES["least-loaded"]);
  for (let flow = 0; flow < 100; flow++) farm.begin(7);
  assert.equal(wordsOf(farm, 4, BOARD_FLOWS), [100, 0, 0, 0]);
  assert.is(farm.spilled, 0);
});

instruments("simulated farm, with spill, sends its new flows to the others and keeps it pinned", () => {
  const farm = farmOf(4, POLICIES["least-loaded"], { spillFlows: 10 });
  for (let flow = 0; flow < 100; flow++) farm.begin(7);
  const flows = wordsOf(farm, 4, BOARD_FLOWS);
  // The others' mean, twice, the allowance, and the flow that made it more.
  const limit = (2 * (100 - flows[0]!)) / 3 + SPILL_ALLOWANCE_FLOWS + 1;
  assert.ok(flows[0]! <= limit, flows.join(", "));
  assert.is(farm.spilled, 100 - flows[0]!);
  assert.equal(wordsOf(farm, 4, BOARD_SOURCES), [1, 0, 0, 0]);
});

instruments("simulated farm, when a worker leaves, begins its flows anew and moves no other", () => {
  const farm = farmOf(4, POLICIES["least-loaded"]);
  for (let source = 0; source < 80; source++) farm.begin(source);
  farm.step(nothing);
  const before = farm.holdings();
  const { flows } = farm.table;
  farm.leave(2);
  assert.is(farm.table.flows, flows);
  const left = wordsOf(farm, 4, BOARD_FLOWS);
  assert.is(left[2], 0);
  assert.is(farm.loadOf(2), 0);
  assert.equal(farm.movedSince(before), { flows: 0, sources: 0 });
  // Answers that the leaver still owed are nobody's.
  for (let ms = 0; ms < 60_000; ms++) farm.step(nothing);
  for (const word of [BOARD_FLOWS, BOARD_IN_FLIGHT]) assert.equal(wordsOf(farm, 4, word), [0, 0, 0, 0]);
});

instruments("simulated farm, sees a source that moved though its worker stayed", () => {
  const farm = farmOf(2, POLICIES["round-robin"]);
  farm.begin(1);
  const before = farm.holdings();
  const source = before.workers.findIndex((_, entry) => farm.table.stateOf(entry) === STATE_SOURCE);
  farm.table.repinSource(source, 1);
  assert.equal(farm.movedSince(before), { flows: 0, sources: 1 });
});

instruments("simulated farm, with slow start, lets the weight of a worker that joins grow", () => {
  const farm = farmOf(2, POLICIES["least-loaded"], { slowStartMs: 1000 });
  assert.is(farm.board.get(1, BOARD_WEIGHT), FULL_WEIGHT, "whoever is there from the beginning");
  farm.leave(1);
  farm.join(1);
  assert.is(farm.board.get(1, BOARD_WEIGHT), 10);
  for (let ms = 0; ms < 500; ms++) farm.step(nothing);
  assert.is(farm.board.get(1, BOARD_WEIGHT), 55);
  for (let ms = 0; ms < 500; ms++) farm.step(nothing);
  assert.is(farm.board.get(1, BOARD_WEIGHT), FULL_WEIGHT);
  assert.is(farm.board.get(0, BOARD_WEIGHT), FULL_WEIGHT);
});

instruments.run();

// ---- What the simulation must show ----------------------------------------------------------------------------------

const balance = suite("balance");

balance("burst of new sources before any worker answers, under least-loaded, leaves max - min <= 1", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: MAX_WORKERS }), fc.nat(1000), (workers, burst) => {
      const farm = farmOf(workers, POLICIES["least-loaded"]);
      for (let source = 0; source < burst; source++) farm.begin(source);
      const flows = wordsOf(farm, workers, BOARD_FLOWS);
      assert.is(farm.table.flows, burst);
      assert.ok(Math.max(...flows) - Math.min(...flows) <= 1, flows.join(", "));
    }),
    { numRuns: 30 },
  );
});

const SMALL = {
  workers: [1, 4],
  traffic: BALANCE_TRAFFIC,
  policies: policyNames,
  seconds: 2,
  rounds: 1,
  spillFlows: 16,
  slowStartMs: 1000,
  seed: 1,
};

balance("runs with one seed, are equal, and with another differ", async () => {
  const small = { ...SMALL, workers: [3], traffic: ["zipf-spill" as const] };
  const figures = await runBalance(small, silentProgress);
  assert.equal(await runBalance(small, silentProgress), figures);
  assert.not.equal(await runBalance({ ...small, seed: 2 }, silentProgress), figures);
});

const figures = await runBalance(SMALL, silentProgress);

function figureOf(traffic: BalanceFigure["traffic"], policy: PolicyName): BalanceFigure {
  return figures.find((one) => one.workers === 4 && one.traffic === traffic && one.policy === policy)!;
}

balance("every figure, moves nothing but what the leaver had, and finds a place for every flow", () => {
  assert.is(figures.length, 2 * BALANCE_TRAFFIC.length * policyNames.length);
  for (const figure of figures) {
    const what = `${figure.traffic} ${figure.workers} ${figure.policy}`;
    for (const name of ["refused", "flowsMovedNeedlessly", "sourcesMovedNeedlessly"] as const)
      assert.is(figure[name], 0, `${name} ${what}`);
    if (figure.policy === "least-loaded" || figure.policy === "least-flows")
      assert.ok(figure.burstSpread.highest <= 1, what);
    if (figure.traffic !== "zipf-spill") assert.is(figure.spilled.highest, 0, what);
  }
});

balance("worker that leaves, under least-loaded and equal sources, has about its part to move", () => {
  const { leaverFlows, leaverSources, idealMoved } = figureOf("equal", "least-loaded");
  assert.is(idealMoved, 1 / 4);
  for (const { median } of [leaverFlows, leaverSources])
    assert.ok(Math.abs(median - idealMoved) < 0.05, `${median}`);
});

balance("one worker, is even with itself", () => {
  for (const figure of figures.filter(({ workers }) => workers === 1)) {
    // But for what the last digits of a sum of squares say.
    assert.ok(figure.variation.highest < 1e-6);
    assert.is(figure.maxToMean.highest, 1);
    assert.is(figure.burstSpread.highest, 0);
  }
});

balance("loads, under policies that look at them, are more even than by hash", () => {
  for (const traffic of ["equal", "bursty", "zipf"] as const) {
    const byHash = figureOf(traffic, "hash").variation.median;
    for (const policy of ["least-loaded", "least-flows", "power-of-two"] as const)
      assert.ok(figureOf(traffic, policy).variation.median < byHash, `${traffic} ${policy}`);
  }
});

balance("round-robin, divides a burst of one flow each evenly", () => {
  assert.is(figureOf("equal", "round-robin").burstSpread.median, 1, `${4 * FLOWS_PER_WORKER + 1} flows`);
});

balance(
  "new worker, under least-loaded, gets more than its part in its first second only without slow start",
  async () => {
    const one = { ...SMALL, workers: [8], traffic: ["equal" as const], policies: ["least-loaded" as const] };
    const [slowly] = await runBalance({ ...one, slowStartMs: 10_000 }, silentProgress);
    const [atOnce] = await runBalance({ ...one, slowStartMs: 0 }, silentProgress);
    assert.ok(slowly!.newcomerSources.median < 1, String(slowly!.newcomerSources.median));
    assert.ok(atOnce!.newcomerSources.median > 1, String(atOnce!.newcomerSources.median));
    assert.ok(atOnce!.newcomerMs.median < slowly!.newcomerMs.median);
  },
);

balance("hashing, is even, and moves by rendezvous what has to move and nothing else", async () => {
  const sources = 50_000;
  const options = { sources, workers: [2, 8], rounds: 1, seed: 1 };
  for (const figure of await runHashing(options, silentProgress)) {
    // Five standard deviations of what chance does to one worker's part.
    assert.ok(figure.maxToMean < 1 + 5 * Math.sqrt(figure.workers / sources), JSON.stringify(figure));
    assert.ok(Math.abs(figure.moved - figure.movedNeedlessly - 1 / figure.workers) < 0.02);
    if (figure.method === "rendezvous") assert.is(figure.movedNeedlessly, 0);
    assert.ok(figure.choiceNs.lowest > 0);
  }
});

balance.run();

// ---- Commands -------------------------------------------------------------------------------------------------------

const commands = suite("balance's commands");
const TINY = ["--workers", "2", "--seconds", "1", "--rounds", "1"];

commands("balance, with --json, prints figures as their schema says, in spreads of the rounds", () => {
  const few = ["--traffic", "equal,bursty", "--policies", "hash,least-loaded"];
  const { options, figures } = bench("balance", balanceFigures, ...TINY, ...few, "--rounds", "2");
  assert.is(options.seed, 1);
  assert.equal(
    figures.map((figure) => [figure.traffic, figure.workers, figure.policy]),
    [
      ["equal", 2, "hash"],
      ["equal", 2, "least-loaded"],
      ["bursty", 2, "hash"],
      ["bursty", 2, "least-loaded"],
    ],
  );
  for (const { variation } of figures) assert.ok(variation.lowest < variation.highest);
});

commands("hashing, with --json, prints figures as their schema says", () => {
  const size = ["--sources", "10000", "--workers", "2,64", "--rounds", "2"];
  const { figures } = bench("hashing", hashingFigures, ...size);
  assert.equal(
    figures.map(({ method, workers }) => `${method} ${workers}`),
    ["rendezvous 2", "maglev 2", "rendezvous 64", "maglev 64"],
  );
});

commands("balance and hashing, without --json, print a table with a line for each figure", () => {
  const table = runBench("balance", ...TINY, "--traffic", "zipf", "--slow-start-ms", "0");
  assert.is(table.status, 0, table.stderr);
  for (const policy of policyNames)
    assert.is(table.stdout.match(new RegExp(`^zipf +2 +${policy} `, "gm"))?.length, 2, "two tables");
  const hashing = runBench("hashing", "--sources", "10000", "--workers", "2,64", "--rounds", "1");
  assert.is(hashing.status, 0, hashing.stderr);
  for (const method of ["rendezvous", "maglev"])
    assert.is(hashing.stdout.match(new RegExp(`^${method} `, "gm"))?.length, 2);
});

commands("wrong options, are refused in a sentence that says what is taken", () => {
  for (const [option, value, message] of [
    ["--workers", "2,65", "It takes whole numbers from 1 to 64."],
    ["--policies", "least-loaded,best", "It takes some of least-loaded, least-flows, power-of-two"],
    ["--traffic", "rush", "It takes some of equal, zipf, zipf-spill, bursty."],
    ["--slow-start-ms", "-1", "It takes a whole number above 0."],
  ] as const) {
    const result = runBench("balance", option, value);
    assert.is(result.status, 2);
    assert.match(result.stderr, message);
  }
});

commands.run();
