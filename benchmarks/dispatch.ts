// What does a packet cost on its way through the director? In memory and in one thread (support/dispatch-farm.ts): a link that makes
// packets, the director (parse, key, hash, look up, push to a ring), and stand-ins for the workers that give every slot back. The
// link's and the stand-ins' own shares are measured apart. Shows too that no packet allocates anything.

import { InvalidArgumentError } from "commander";
import { isForwarded, VERDICTS, type Verdict } from "../core/director/verdict.js";
import { MAX_CAPACITY } from "../core/flow/flow-entry.js";
import { CACHE_LINE_BYTES } from "../core/memory/layout.js";
import type { Benchmark } from "./support/benchmark.js";
import { DispatchFarm, LinkAlone } from "./support/dispatch-farm.js";
import { TableSize, TRAFFIC, TRAFFIC_KINDS, type Traffic } from "./support/dispatch-traffic.js";
import { type HeapFigure, measureHeap } from "./support/heap.js";
import type { PacketSchedule } from "./support/numbered-flows.js";
import { count, counts, someOf } from "./support/parameters.js";
import { measureEach, type Progress } from "./support/progress.js";
import { Random } from "./support/random.js";
import { type Spread, spreadOf, spreadText } from "./support/spread.js";
import { YARDSTICKS, type Yardstick } from "./support/yardsticks.js";

export interface DispatchOptions {
  /** Packets of a round of each figure. */
  readonly packets: number;
  /** Resident flows. */
  readonly flows: readonly number[];
  readonly traffic: readonly Traffic[];
  readonly workers: number;
  /** Of each figure; they alternate among the kinds of traffic. */
  readonly rounds: number;
  readonly seed: number;
}

export interface DispatchFigure {
  readonly traffic: Traffic;
  readonly flows: number;
  /** Of all rounds. */
  readonly packets: number;
  /** All of it: link, director, stand-ins. */
  readonly totalNs: Spread;
  /** The link alone. */
  readonly linkNs: Spread;
  /** The stand-ins for workers, which read the descriptors and give slots (and flows) back. */
  readonly standInNs: Spread;
  /** The rest: the director with its rings. */
  readonly directorNs: Spread;
  /** All of it, as a rate. */
  readonly millionPacketsPerSecond: Spread;
  /** As of HeapFigure, a round. */
  readonly allocatedBytes: Spread;
  readonly retainedBytes: Spread;
  /** Of all rounds. */
  readonly collections: number;
  /** Memory of the flow table, and the same for each resident flow: with its source's entry and what is free. */
  readonly tableBytes: number;
  readonly flowBytes: number;
  /** Part of the table's entries that are taken at the end. */
  readonly taken: number;
  /** Most entries that a lookup has to look at. */
  readonly longestProbe: number;
  /** Open flows that were displaced since all resident ones were open: in the rounds, and what comes before each. */
  readonly openFlowsEvicted: number;
  /** Packets that were not handed to a worker, by what became of them. */
  readonly drops: Partial<Record<Verdict, number>>;
  /** Packets that were dropped, or were not what the traffic says: 0. */
  readonly unexpected: number;
}

export interface DispatchFigures {
  readonly paths: DispatchFigure[];
  /** Of other machines, and other work. */
  readonly yardsticks: readonly Yardstick[];
}

/** Packets before anything is measured: until the code is compiled. */
const WARM_UP_PACKETS = 500_000;
/** Most packets for measuring the link and the stand-ins apart. */
const APART_PACKETS = 1_000_000;

interface Round extends HeapFigure {
  readonly totalNs: number;
  readonly linkNs: number;
  readonly standInNs: number;
}

/** One kind of traffic at one number of resident flows. */
class Path {
  readonly traffic: Traffic;
  readonly #size: TableSize;
  readonly #packets: number;
  readonly #farm: DispatchFarm;
  readonly #schedule: PacketSchedule;
  readonly #link = new LinkAlone();
  readonly #rounds: Round[] = [];
  /** Packets of the rounds by verdict. */
  readonly #verdicts = new Map<Verdict, number>();

  constructor(traffic: Traffic, size: TableSize, { packets, workers, seed }: DispatchOptions) {
    const kind = TRAFFIC_KINDS[traffic];
    this.traffic = traffic;
    this.#size = size;
    this.#packets = packets;
    this.#farm = new DispatchFarm({
      tableEntries: size.entries,
      maxOpeningFlows: kind.maxOpeningFlows,
      endsFlows: kind.endsFlows,
      workers,
      seed: kind.seed ?? seed,
    });
    this.#farm.open(size.flows);
    this.#schedule = kind.schedule(size, new Random(seed));
    const warmUp = Math.min(packets, WARM_UP_PACKETS);
    this.#farm.run(this.#schedule, warmUp);
    this.#link.run(this.#schedule, warmUp);
  }

  async measure(): Promise<void> {
    const packets = this.#packets;
    const apart = Math.min(packets, APART_PACKETS);
    const linkNs = this.#link.run(this.#schedule, apart) / apart;
    const standInNs = this.#farm.runTimingStandIns(this.#schedule, apart) / apart;
    const before = this.#farm.verdicts;
    const { result, heap } = await measureHeap(() => this.#farm.run(this.#schedule, packets));
    for (const [verdict, count] of Object.entries(this.#farm.verdicts) as [Verdict, number][])
      this.#verdicts.set(verdict, (this.#verdicts.get(verdict) ?? 0) + count - before[verdict]);
    this.#rounds.push({ totalNs: result / packets, linkNs, standInNs, ...heap });
  }

  figure(): DispatchFigure {
    const { table } = this.#farm;
    const rounds = this.#rounds;
    const { flows } = this.#size;
    const spread = (of: (round: Round) => number) => spreadOf(rounds.map(of));
    const packets = this.#packets * rounds.length;
    const became = [...this.#verdicts].filter(([, count]) => count > 0);
    const { expected } = TRAFFIC_KINDS[this.traffic];
    const asExpected = became.filter(([verdict]) => expected.includes(verdict));
    const tableBytes = table.capacity * CACHE_LINE_BYTES;
    return {
      traffic: this.traffic,
      flows,
      packets,
      totalNs: spread(({ totalNs }) => totalNs),
      linkNs: spread(({ linkNs }) => linkNs),
      standInNs: spread(({ standInNs }) => standInNs),
      directorNs: spread(({ totalNs, linkNs, standInNs }) => totalNs - linkNs - standInNs),
      millionPacketsPerSecond: spread(({ totalNs }) => 1000 / totalNs),
      allocatedBytes: spread(({ allocatedBytes }) => allocatedBytes),
      retainedBytes: spread(({ retainedBytes }) => retainedBytes),
      collections: rounds.reduce((sum, { collections }) => sum + collections, 0),
      tableBytes,
      flowBytes: tableBytes / flows,
      taken: (table.flows + table.sources) / table.capacity,
      longestProbe: this.#farm.longestProbe(),
      openFlowsEvicted: table.counters.get("flows_evicted_idle"),
      drops: Object.fromEntries(became.filter(([verdict]) => !isForwarded(VERDICTS.indexOf(verdict)))),
      unexpected: packets - asExpected.reduce((sum, [, count]) => sum + count, 0),
    };
  }
}

/** One figure for each number of flows and kind of traffic. Each kind has a table of its own, for as long as its size is measured. */
export async function runDispatch(options: DispatchOptions, progress: Progress): Promise<DispatchFigures> {
  const { traffic, flows, rounds } = options;
  progress.expect(flows.length * traffic.length * (1 + rounds));
  const paths: DispatchFigure[] = [];
  for (const resident of flows) paths.push(...(await measureSize(resident, options, progress)));
  return { paths, yardsticks: YARDSTICKS };
}

async function measureSize(
  flows: number,
  options: DispatchOptions,
  progress: Progress,
): Promise<DispatchFigure[]> {
  const size = new TableSize(flows);
  const openings = options.traffic.map((traffic) => ({
    what: `${traffic}, ${flows} flows are opened`,
    measure: () => new Path(traffic, size, options),
  }));
  const paths = await measureEach(openings, progress);
  for (let round = 1; round <= options.rounds; round++) {
    for (const path of paths) {
      progress.next(`${path.traffic}, ${flows} flows, round ${round}`);
      await path.measure();
    }
  }
  return paths.map((path) => path.figure());
}

/** Numbers of resident flows: at most half of what the largest table takes. */
function residentFlows(text: string): number[] {
  const numbers = counts(text);
  if (numbers.some((flows) => flows > MAX_CAPACITY / 2))
    throw new InvalidArgumentError(`It takes whole numbers from 1 to ${MAX_CAPACITY / 2}.`);
  return numbers;
}

const percent = (part: number) => `${(part * 100).toFixed(0)} %`;

export const dispatch: Benchmark<DispatchOptions, DispatchFigures> = {
  name: "dispatch",
  question: "the in-memory packet path through the director, in nanoseconds a packet",
  isInNamespace: false,
  options: (command) =>
    command
      .option("--packets <n>", "packets for a round of each figure", count, 2_000_000)
      .option(
        "--flows <n,…>",
        "resident flows; 64 bytes each, twice, for each kind of traffic",
        residentFlows,
        [1000, 10_000, 100_000, 1_000_000, 4_000_000],
      )
      .option("--traffic <kind,…>", TRAFFIC.join(", "), someOf(TRAFFIC), [...TRAFFIC])
      .option("--workers <n>", "workers that stand-ins play", count, 4)
      .option("--rounds <n>", "rounds of each figure, alternating", count, 5)
      .option("--seed <n>", "seed of the flow hash, and of chance in the traffic", count, 1),
  run: runDispatch,
  tables: ({ paths, yardsticks }) => [
    paths.map((figure) => ({
      traffic: figure.traffic,
      flows: figure.flows,
      "ns/packet": spreadText(figure.totalNs),
      link: spreadText(figure.linkNs),
      "stand-ins": spreadText(figure.standInNs),
      director: spreadText(figure.directorNs),
      "Mpackets/s": figure.millionPacketsPerSecond.median.toFixed(2),
    })),
    paths.map((figure) => ({
      traffic: figure.traffic,
      flows: figure.flows,
      "allocated bytes": spreadText(figure.allocatedBytes),
      "retained bytes": spreadText(figure.retainedBytes),
      collections: figure.collections,
      "bytes/flow": figure.flowBytes.toFixed(0),
      "table taken": percent(figure.taken),
      "longest probe": figure.longestProbe,
      "open flows evicted": figure.openFlowsEvicted,
      drops:
        Object.entries(figure.drops)
          .map(([verdict, count]) => `${verdict} ${count}`)
          .join(", ") || "none",
      unexpected: figure.unexpected,
    })),
    yardsticks.map(({ system, figure, nsPerPacket, what, source }) => ({
      "elsewhere, on other machines": system,
      "published figure": figure,
      "ns/packet": nsPerPacket,
      "of what": what,
      source,
    })),
  ],
  notes: [
    "A median, and in brackets what the rounds lay between. Bytes are of a round; what is allocated is the clock's number, once a burst.",
    "collide: flows chosen to have one place in the table, had its seed been 0. collide-known: the same, and it is 0.",
    "attack: without the limit of half-open flows, beyond which a farm answers with SYN cookies instead (flood).",
    "What was published elsewhere is of other machines and other work: an order of magnitude, and no comparison.",
  ],
};
