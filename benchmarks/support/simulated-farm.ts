// A farm without packets, threads and real time: the director's own placement, policies, flow table and load board, and
// workers of which nothing is left but when they answer and when their flows end. Time goes in steps of a millisecond, in
// each of which ends come before beginnings; what workers write to the board is up to a step old. Runs with one seed are equal.

import { Placement } from "../../core/director/placement.js";
import type { Policy } from "../../core/director/policies.js";
import { slowStartWeight } from "../../core/director/slow-start.js";
import { VERDICT_NEW_SOURCE } from "../../core/director/verdict.js";
import { Ageing } from "../../core/flow/ageing.js";
import { allocateFlowTable, NO_ENTRY, STATE_ESTABLISHED, STATE_SOURCE } from "../../core/flow/flow-entry.js";
import { seedFrom } from "../../core/flow/flow-hash.js";
import { KEY_DESTINATION, KEY_KIND, KEY_PORTS, KEY_SOURCE, KEY_WORDS } from "../../core/flow/flow-key.js";
import { FlowTable } from "../../core/flow/flow-table.js";
import { DEFAULT_FLOW_TIMEOUTS } from "../../core/flow/flow-timeouts.js";
import { countOnBoard } from "../../core/flow/load-observer.js";
import {
  allocateLoadBoard,
  BOARD_FLOWS,
  BOARD_IN_FLIGHT,
  BOARD_STATE,
  BOARD_WEIGHT,
  LoadBoard,
  WORKER_ABSENT,
  WORKER_SERVING,
} from "../../core/memory/load-board.js";
import { PROTOCOL_TCP } from "../../core/wire/protocols.js";
import type { Random } from "./random.js";

/** Mean time that a flow has a request in flight, and then none until it ends; both without a memory. */
export const MEAN_REQUEST_MS = 500;
export const MEAN_IDLE_MS = 500;
/** Time that a source is remembered for after its last flow. A thirtieth of the farm's default, so that it is seen to end. */
export const AFFINITY_MS = 10_000;

/** Longest wait that the wheel of events can hold; of the mean waits above one in 10^14 is longer, and cut. */
const WHEEL_MS = 16_384;
/** Time in which the sweep goes through the flow table. */
const AGEING_ROUND_MS = 1000;
/** Entries of the flow table for a worker: four times what the traffic has at once. */
const ENTRIES_PER_WORKER = 4096;

/** What stands for the worker of a free slot. */
const NO_WORKER = -1;

export interface SimulatedFarmOptions {
  readonly workers: number;
  readonly policy: Policy;
  /** As the farm's option; 0: no spill. */
  readonly spillFlows: number;
  /** Time in which a worker that joins grows to its full weight; 0: at once. */
  readonly slowStartMs: number;
  readonly seed: number;
  readonly random: Random;
}

/** Who holds what at one moment: generation and worker by table entry. */
export interface Holdings {
  readonly generations: Int32Array;
  readonly workers: Int32Array;
}

export interface Moved {
  readonly flows: number;
  readonly sources: number;
}

export class SimulatedFarm {
  readonly board = new LoadBoard(allocateLoadBoard());
  /** Milliseconds since the beginning. */
  tick = 0;
  /** Flows that began; of them those that went elsewhere than their source, and those without a place for them or their source. */
  begun = 0;
  spilled = 0;
  refused = 0;
  /** Sources that the policy placed, by worker. */
  readonly placed: Int32Array;
  readonly table: FlowTable;
  readonly #workers: number;
  readonly #slowStartMs: number;
  readonly #random: Random;
  readonly #placement: Placement;
  readonly #ageing: Ageing;
  readonly #inFlight: Int32Array;
  /** When each worker began to serve. */
  readonly #joinedTick: Int32Array;
  readonly #key = new Int32Array(KEY_WORDS);
  /** By the millisecond: entry · generation of flows whose answer, or whose end, is due. */
  readonly #answers: number[][] = Array.from({ length: WHEEL_MS }, () => []);
  readonly #ends: number[][] = Array.from({ length: WHEEL_MS }, () => []);

  constructor(options: SimulatedFarmOptions) {
    const { workers } = options;
    const { board } = this;
    this.#workers = workers;
    this.#slowStartMs = options.slowStartMs;
    this.#random = options.random;
    this.#inFlight = new Int32Array(workers);
    this.#joinedTick = new Int32Array(workers).fill(-options.slowStartMs);
    this.placed = new Int32Array(workers);
    this.table = new FlowTable(
      allocateFlowTable(2 ** Math.ceil(Math.log2(workers * ENTRIES_PER_WORKER))),
      { ...DEFAULT_FLOW_TIMEOUTS, affinityTimeMs: AFFINITY_MS },
      "refuse",
      countOnBoard(board),
    );
    this.#ageing = new Ageing(this.table);
    this.#placement = new Placement({
      flowTable: this.table,
      loadBoard: board,
      policy: options.policy,
      seed: seedFrom(BigInt(options.seed)),
      affinity: "source",
      affinityPrefix4: 32,
      affinityPrefix6: 64,
      spillFlows: options.spillFlows,
      maxOpeningFlows: Number.POSITIVE_INFINITY,
    });
    this.#placement.workerCount = workers;
    for (let worker = 0; worker < workers; worker++) board.set(worker, BOARD_STATE, WORKER_SERVING);
    this.#report();
  }

  /** Begins a flow of source number `source`, which has a request in flight at once. */
  begin(source: number): void {
    const key = this.#key;
    key[KEY_SOURCE] = source;
    key[KEY_DESTINATION] = 1;
    key[KEY_PORTS] = this.begun++;
    key[KEY_KIND] = PROTOCOL_TCP | (4 << 8);
    const placement = this.#placement;
    const flow = placement.begin(key, 0, placement.hashOf(key, 0), STATE_ESTABLISHED, this.tick);
    if (flow === NO_ENTRY) {
      this.refused++;
      return;
    }
    const worker = this.table.workerOf(flow);
    const pin = this.table.sourceOf(flow);
    if (placement.verdict === VERDICT_NEW_SOURCE) this.placed[worker]! += 1;
    if (pin === NO_ENTRY) this.refused++;
    else if (this.table.workerOf(pin) !== worker) this.spilled++;
    this.#inFlight[worker]! += 1;
    this.#schedule(this.#answers, MEAN_REQUEST_MS, flow, this.table.generationOf(flow));
  }

  /** The next millisecond: answers and ends that are due, then what begins, then the workers' own words on the board. */
  step(arrivals: (tick: number, begin: (source: number) => void) => void): void {
    this.tick++;
    const { table, tick } = this;
    const answers = this.#answers[tick % WHEEL_MS]!;
    for (let i = 0; i < answers.length; i += 2) {
      const flow = answers[i]!;
      const generation = answers[i + 1]!;
      // Flows of a worker that left are no more.
      if (table.generationOf(flow) !== generation) continue;
      this.#inFlight[table.workerOf(flow)]! -= 1;
      this.#schedule(this.#ends, MEAN_IDLE_MS, flow, generation);
    }
    answers.length = 0;
    const ends = this.#ends[tick % WHEEL_MS]!;
    for (let i = 0; i < ends.length; i += 2) table.endFlow(ends[i]!, ends[i + 1]!, tick);
    ends.length = 0;
    this.#ageing.age(tick, Math.ceil(table.capacity / AGEING_ROUND_MS));
    arrivals(tick, this.#begin);
    this.#report();
  }

  /** The worker's thread is gone: its flows end, and their clients begin anew at once. */
  leave(worker: number): void {
    const sources: number[] = [];
    this.board.set(worker, BOARD_STATE, WORKER_ABSENT);
    this.table.removeWorker(worker, this.tick, (flow) => {
      this.table.readKey(flow, this.#key, 0);
      sources.push(this.#key[KEY_SOURCE]!);
    });
    this.#inFlight[worker] = 0;
    this.#report();
    for (const source of sources) this.begin(source);
  }

  /** A new worker of that number begins to serve. */
  join(worker: number): void {
    this.#joinedTick[worker] = this.tick;
    this.#report();
    this.board.set(worker, BOARD_STATE, WORKER_SERVING);
  }

  /** Flows and requests in flight of a worker, as the board has them. */
  loadOf(worker: number): number {
    return this.board.get(worker, BOARD_FLOWS) + this.board.get(worker, BOARD_IN_FLIGHT);
  }

  /** Who holds what now. */
  holdings(): Holdings {
    const { capacity } = this.table;
    const holdings = { generations: new Int32Array(capacity), workers: new Int32Array(capacity) };
    for (let entry = 0; entry < capacity; entry++) {
      holdings.generations[entry] = this.table.generationOf(entry);
      holdings.workers[entry] = this.table.stateOf(entry) === 0 ? NO_WORKER : this.table.workerOf(entry);
    }
    return holdings;
  }

  /** Flows and sources of then that are still there, but with another worker. */
  movedSince(then: Holdings): Moved {
    const now = this.holdings();
    let flows = 0;
    let sources = 0;
    for (const [entry, worker] of then.workers.entries()) {
      if (worker === NO_WORKER || now.generations[entry] !== then.generations[entry]) continue;
      if (now.workers[entry] === worker) continue;
      if (this.table.stateOf(entry) === STATE_SOURCE) sources++;
      else flows++;
    }
    return { flows, sources };
  }

  readonly #begin = (source: number): void => this.begin(source);

  #schedule(wheel: number[][], meanMs: number, flow: number, generation: number): void {
    const waitMs = Math.min(WHEEL_MS - 1, Math.ceil(this.#random.wait(meanMs)) || 1);
    wheel[(this.tick + waitMs) % WHEEL_MS]!.push(flow, generation);
  }

  #report(): void {
    for (let worker = 0; worker < this.#workers; worker++) {
      const ageMs = this.tick - this.#joinedTick[worker]!;
      this.board.set(worker, BOARD_IN_FLIGHT, this.#inFlight[worker]!);
      this.board.set(worker, BOARD_WEIGHT, slowStartWeight(ageMs, this.#slowStartMs));
    }
  }
}
