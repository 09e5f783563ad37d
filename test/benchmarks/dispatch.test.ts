// The dispatch benchmark at a small size, and its traffic. What it measures is not asserted, but for what must be 0.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { DispatchFigure } from "../../benchmarks/dispatch.js";
import {
  TableSize,
  TRAFFIC,
  TRAFFIC_KINDS,
  type Traffic,
} from "../../benchmarks/support/dispatch-traffic.js";
import type { PacketSchedule } from "../../benchmarks/support/numbered-flows.js";
import { ACK_64, ACK_576, ACK_1500, SYN_64 } from "../../benchmarks/support/numbered-flows.js";
import { Random } from "../../benchmarks/support/random.js";
import { bench, runBench } from "../support/limpet-bench.js";
import { dispatchFigures } from "./schemas/dispatch.js";

const traffic = suite("dispatch's traffic");
const SIZE = new TableSize(1000);

/** What comes from where, without order. */
function flowsOf(schedule: PacketSchedule): Set<string> {
  return new Set(Array.from(schedule.sources, (source, i) => `${source} ${schedule.ports[i]}`));
}

traffic("hit, is of every resident flow once, and new of none of them", () => {
  const hit = flowsOf(TRAFFIC_KINDS.hit.schedule(SIZE, new Random(1)));
  assert.is(hit.size, 1000);
  const strangers = flowsOf(TRAFFIC_KINDS.new.schedule(SIZE, new Random(1)));
  assert.is(strangers.size, SIZE.strangers);
  for (const flow of strangers) assert.not(hit.has(flow));
});

traffic("mix, has small, middle and large packets as 7:4:1, and one in twenty begins a flow", () => {
  const { shapes, length } = TRAFFIC_KINDS.mix.schedule(SIZE, new Random(1));
  const part = (...of: number[]) => shapes.filter((shape) => of.includes(shape)).length / length;
  for (const [shapesOfSize, expected] of [
    [[ACK_64, SYN_64], 7 / 12],
    [[ACK_576], 4 / 12],
    [[ACK_1500], 1 / 12],
    [[SYN_64], 1 / 20],
  ] as const) {
    // Five standard deviations.
    const error = 5 * Math.sqrt((expected * (1 - expected)) / length);
    assert.ok(Math.abs(part(...shapesOfSize) - expected) < error, `${shapesOfSize}`);
  }
});

traffic("attack, never has a source again", () => {
  const schedule = TRAFFIC_KINDS.attack.schedule(SIZE, new Random(1));
  const seen = new Set<number>();
  for (let sent = 0; sent < 3 * schedule.length; sent++) {
    seen.add(schedule.sources[schedule.next]!);
    schedule.advance();
  }
  assert.is(seen.size, 3 * schedule.length);
});

traffic("every kind, with one seed, is the same again", () => {
  for (const name of TRAFFIC) {
    const [one, other] = [1, 1].map((seed) => TRAFFIC_KINDS[name].schedule(SIZE, new Random(seed)));
    assert.equal(one!.sources, other!.sources, name);
    assert.equal(one!.shapes, other!.shapes, name);
  }
});

traffic.run();

const dispatch = suite("dispatch");

const PACKETS = 60_000;
const ROUNDS = 3;
const SMALL = ["--packets", String(PACKETS), "--rounds", String(ROUNDS), "--flows", "1000"];
const { figures } = bench("dispatch", dispatchFigures, ...SMALL);

dispatch("every kind of traffic, is directed as it says, and allocates nothing for a packet", () => {
  assert.equal(
    figures.paths.map(({ traffic }) => traffic),
    TRAFFIC,
  );
  for (const figure of figures.paths) {
    const { traffic, allocatedBytes, retainedBytes } = figure;
    assert.is(figure.packets, ROUNDS * PACKETS);
    assert.is(figure.unexpected, 0, traffic);
    assert.equal(figure.drops, {}, traffic);
    // An object a packet would be 12 bytes at the least; what there is comes from the clock, once a burst, and the compiler.
    assert.ok(allocatedBytes.median / PACKETS < 8, `${traffic}: ${allocatedBytes.median} bytes allocated`);
    assert.ok(retainedBytes.median / PACKETS < 1, `${traffic}: ${retainedBytes.median} bytes retained`);
  }
  assert.ok(figures.yardsticks.length > 0);
});

function pathOf(traffic: Traffic): DispatchFigure {
  return figures.paths.find((one) => one.traffic === traffic)!;
}

dispatch("flows that were chosen to collide, do so only where the seed is known", () => {
  const [hidden, known] = [pathOf("collide"), pathOf("collide-known")];
  assert.ok(hidden.longestProbe < 16, `${hidden.longestProbe}`);
  assert.ok(known.longestProbe >= 24, `${known.longestProbe}`);
});

dispatch("attack, fills the table, and displaces itself before it does the open flows", () => {
  const { taken, openFlowsEvicted, flows } = pathOf("attack");
  assert.ok(taken > 0.9, `${taken}`);
  // By chance there are places without any of the attack's own.
  assert.ok(openFlowsEvicted < flows / 4, `${openFlowsEvicted}`);
});

dispatch("as text, has a line for each figure, and says that yardsticks are of other machines", () => {
  const result = runBench(
    "dispatch",
    "--packets",
    "1000",
    "--rounds",
    "1",
    "--flows",
    "1000",
    "--traffic",
    "hit,one",
  );
  assert.is(result.status, 0, result.stderr);
  for (const kind of ["hit", "one"])
    assert.is(result.stdout.match(new RegExp(`^${kind} +1000 `, "gm"))?.length, 2, "two tables");
  assert.match(result.stdout, /^Maglev .* NSDI 2016/m);
  assert.match(result.stdout, "other machines and other work");
});

dispatch("wrong options, are refused in a sentence", () => {
  for (const [option, value, message] of [
    ["--packets", "none", "It takes a whole number above 0."],
    ["--flows", "1000,8388609", "It takes whole numbers from 1 to 8388608."],
    ["--traffic", "rush", "It takes some of hit, one, mix,"],
  ] as const) {
    const result = runBench("dispatch", option, value);
    assert.is(result.status, 2);
    assert.match(result.stderr, message);
  }
});

dispatch.run();
