// The flow table against a model that is a Map and nothing else, under any sequence of operations. The table has 32
// slots, all of which every key can be in: so it is often full, and the model can tell which entry has to go.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Ageing } from "../../../core/flow/ageing.js";
import {
  NO_ENTRY,
  STATE_CLOSING,
  STATE_DATAGRAM,
  STATE_ESTABLISHED,
  STATE_OPENING,
  STATE_SOURCE,
} from "../../../core/flow/flow-entry.js";
import type { FullPolicy } from "../../../core/flow/flow-table.js";
import { ACK, FIN, RST, SYN } from "../../../core/wire/tcp.js";
import { createTable, flowKey, sourceKey, TIMEOUTS, WORKERS } from "./table-fixture.js";

const CAPACITY = 32;
const FLOW_NUMBERS = 60;
const SOURCE_NUMBERS = 12;

interface ModelEntry {
  /** "f7": flow 7, "s7": source 7. */
  name: string;
  entry: number;
  generation: number;
  worker: number;
  state: number;
  lastSeen: number;
  /** Of a flow. */
  source: ModelEntry | undefined;
  /** Of a source: a connection came of it. */
  isProven: boolean;
}

const timeoutOf = new Map([
  [STATE_OPENING, TIMEOUTS.openingTimeoutMs],
  [STATE_ESTABLISHED, TIMEOUTS.establishedTimeoutMs],
  [STATE_CLOSING, TIMEOUTS.closingTimeoutMs],
  [STATE_DATAGRAM, TIMEOUTS.datagramTimeoutMs],
  [STATE_SOURCE, TIMEOUTS.affinityTimeMs],
]);

class Rig {
  /** How many different hashes there are, so that most keys collide, or few. */
  readonly hashes: number;
  readonly fullPolicy: FullPolicy;
  readonly table;
  readonly observer;
  readonly ageing;
  readonly live = new Map<string, ModelEntry>();
  /** Entries that have ended, with generations that must never fit again. */
  readonly ended: ModelEntry[] = [];
  now = 0;

  constructor(hashes: number, fullPolicy: FullPolicy) {
    this.hashes = hashes;
    this.fullPolicy = fullPolicy;
    ({ table: this.table, observer: this.observer } = createTable(CAPACITY, fullPolicy));
    this.ageing = new Ageing(this.table);
  }

  hash(n: number): number {
    return Math.imul(n % this.hashes, 0x9e3779b1);
  }

  flowsOf(source: ModelEntry): number {
    return [...this.live.values()].filter((other) => other.source === source).length;
  }

  isExpired(model: ModelEntry): boolean {
    if (model.state === STATE_SOURCE && this.flowsOf(model) > 0) return false;
    return this.now - model.lastSeen >= timeoutOf.get(model.state)!;
  }

  /** Order of eviction: the smaller goes first; equals are the same to the model. */
  rank(model: ModelEntry): [number, number] {
    const idle = this.now - model.lastSeen;
    if (this.isExpired(model)) return [0, -idle];
    if (model.state === STATE_OPENING) return [1, -idle];
    if (model.state === STATE_CLOSING) return [2, -idle];
    return [model.state === STATE_SOURCE && this.flowsOf(model) > 0 ? 4 : 3, -idle];
  }

  end(model: ModelEntry): void {
    this.live.delete(model.name);
    this.ended.push(model);
    if (model.source !== undefined && this.live.get(model.source.name) === model.source) {
      model.source.lastSeen = this.now;
    }
  }

  /** The flow has ended, and no connection came of it. */
  forgetIfUnproven(source: ModelEntry | undefined): void {
    if (source === undefined || this.live.get(source.name) !== source) return;
    if (!source.isProven && this.flowsOf(source) === 0) this.end(source);
  }

  /** Before an insertion: what it will displace, unless it is refused; then after it, the table has to agree. */
  insert(
    name: string,
    put: () => number,
    worker: number,
    state: number,
    source: ModelEntry | undefined,
  ): void {
    const candidates = [...this.live.values()].filter((model) => model !== source);
    const ranks = new Map(candidates.map((model) => [model, this.rank(model)]));
    const order = (a: ModelEntry, b: ModelEntry) =>
      ranks.get(a)![0] - ranks.get(b)![0] || ranks.get(a)![1] - ranks.get(b)![1];
    const first = candidates.sort(order)[0];
    const isFull = this.live.size === CAPACITY;
    const entry = put();
    if (isFull && this.fullPolicy === "refuse" && !(first !== undefined && ranks.get(first)![0] === 0)) {
      assert.is(entry, NO_ENTRY);
      return;
    }
    assert.is.not(entry, NO_ENTRY);
    if (isFull) {
      const victims = candidates.filter((model) => model.entry === entry);
      assert.is(victims.length, 1, "a new entry has the slot of the one that went");
      assert.equal(ranks.get(victims[0]!), ranks.get(first!));
      this.end(victims[0]!);
      // A half-open flow takes its source with it, but not that of the new flow.
      if (ranks.get(first!)![0] === 1 && victims[0]!.source !== source)
        this.forgetIfUnproven(victims[0]!.source);
    }
    if (source !== undefined) source.lastSeen = this.now;
    const generation = this.table.generationOf(entry);
    this.live.set(name, {
      name,
      entry,
      generation,
      worker,
      state,
      lastSeen: this.now,
      source,
      isProven: false,
    });
  }

  sourceOf(n: number, worker: number): ModelEntry | undefined {
    const name = `s${n}`;
    const key = sourceKey(n);
    const hash = this.hash(n);
    const model = this.live.get(name);
    const isOver = model !== undefined && this.isExpired(model);
    const found = this.table.lookupSource(key, 0, hash, this.now);
    assert.is(found, model === undefined || isOver ? NO_ENTRY : model.entry);
    if (isOver) this.end(model);
    if (found === NO_ENTRY) {
      const put = () => this.table.insertSource(key, 0, hash, worker, this.now);
      this.insert(name, put, worker, STATE_SOURCE, undefined);
    }
    return this.live.get(name);
  }

  /** What a director does with a packet of a flow. */
  packet(n: number, tcpFlags: number, worker: number, hasSource: boolean): void {
    const name = `f${n}`;
    const key = flowKey(n);
    const hash = this.hash(n);
    const model = this.live.get(name);
    const found = this.table.lookupFlow(key, 0, hash);
    assert.is(found, model?.entry ?? NO_ENTRY);
    if (model !== undefined) {
      const isNew = tcpFlags === SYN && (model.state === STATE_CLOSING || this.isExpired(model));
      assert.is(this.table.followTcp(found, tcpFlags, this.now), !isNew);
      if (!isNew) {
        model.lastSeen = this.now;
        model.state = this.table.stateOf(found); // Its rules have tests of their own.
        return;
      }
      this.end(model);
    }
    const source = hasSource ? this.sourceOf(n % SOURCE_NUMBERS, worker) : undefined;
    const state = n % 4 === 0 ? STATE_DATAGRAM : STATE_OPENING;
    const pinned = source?.worker ?? worker;
    const put = () => this.table.insertFlow(key, 0, hash, pinned, source?.entry ?? NO_ENTRY, state, this.now);
    this.insert(name, put, pinned, state, source);
  }

  /** Reports the end of a flow, live or long gone. */
  report(n: number, wasConnection: boolean): void {
    const model = this.live.get(`f${n}`);
    if (model !== undefined) {
      assert.is(this.table.endFlow(model.entry, model.generation, this.now, wasConnection), true);
      this.end(model);
      if (!wasConnection) this.forgetIfUnproven(model.source);
      else if (model.source !== undefined) model.source.isProven = true;
    }
    const gone = this.ended[n % Math.max(1, this.ended.length)];
    if (gone !== undefined) assert.is(this.table.endFlow(gone.entry, gone.generation, this.now), false);
  }

  sweep(): void {
    // Flows first and sources by what that leaves: a source whose flow ends now is young, in whatever order they come.
    const over = [...this.live.values()].filter((model) => this.isExpired(model));
    for (const model of over) this.end(model);
    assert.is(this.ageing.age(this.now, CAPACITY), over.length);
  }

  removeWorker(worker: number): void {
    const gone = [...this.live.values()].filter((model) => model.worker === worker);
    const flows = gone.filter((model) => model.state !== STATE_SOURCE).length;
    for (const model of gone) this.end(model);
    assert.is(this.table.removeWorker(worker, this.now), flows);
  }

  repin(n: number, worker: number): void {
    const model = this.live.get(`s${n}`);
    if (model === undefined) return;
    this.table.repinSource(model.entry, worker);
    model.worker = worker;
  }

  wait(ms: number): void {
    this.now += ms;
  }

  /** All that always holds. */
  check(): void {
    const flows = new Int32Array(WORKERS);
    const sources = new Int32Array(WORKERS);
    for (const model of this.live.values()) {
      const { name, entry } = model;
      const n = Number(name.slice(1));
      assert.is(this.table.workerOf(entry), model.worker);
      assert.is(this.table.generationOf(entry), model.generation);
      assert.is(this.table.stateOf(entry), model.state);
      if (model.state === STATE_SOURCE) {
        sources[model.worker]! += 1;
        assert.is(this.table.liveFlowsOf(entry), this.flowsOf(model), `flows of ${name}`);
        assert.is(this.table.isProven(entry), model.isProven, name);
        continue;
      }
      flows[model.worker]! += 1;
      assert.is(this.table.lookupFlow(flowKey(n), 0, this.hash(n)), entry, name);
      const isLinked = model.source !== undefined && this.live.get(model.source.name) === model.source;
      assert.is(this.table.sourceOf(entry), isLinked ? model.source!.entry : NO_ENTRY, `source of ${name}`);
    }
    for (let n = 0; n < FLOW_NUMBERS; n++) {
      if (!this.live.has(`f${n}`)) assert.is(this.table.lookupFlow(flowKey(n), 0, this.hash(n)), NO_ENTRY);
    }
    assert.equal(this.observer.flows, flows);
    assert.equal(this.observer.sources, sources);
    assert.is(this.table.flows + this.table.sources, this.live.size);
    const opening = [...this.live.values()].filter(({ state }) => state === STATE_OPENING);
    assert.is(this.table.openingFlows, opening.length);
  }
}

const anyFlow = fc.nat(FLOW_NUMBERS - 1);
const anySource = fc.nat(SOURCE_NUMBERS - 1);
const anyWorker = fc.nat(WORKERS - 1);
const anyFlags = fc.constantFrom(SYN, ACK, ACK, FIN | ACK, RST);
const anyStep: fc.Arbitrary<(rig: Rig) => void> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.tuple(anyFlow, anyFlags, anyWorker, fc.boolean()).map(
      ([n, flags, worker, hasSource]) =>
        (rig: Rig) =>
          rig.packet(n, flags, worker, hasSource),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(anyFlow, fc.boolean()).map(
      ([n, wasConnection]) =>
        (rig: Rig) =>
          rig.report(n, wasConnection),
    ),
  },
  { weight: 2, arbitrary: fc.nat(12).map((ms) => (rig: Rig) => rig.wait(ms)) },
  { weight: 1, arbitrary: fc.constant((rig: Rig) => rig.sweep()) },
  {
    weight: 1,
    arbitrary: fc.tuple(anySource, anyWorker).map(
      ([n, worker]) =>
        (rig: Rig) =>
          rig.repin(n, worker),
    ),
  },
  { weight: 1, arbitrary: fc.constant((rig: Rig) => rig.wait(100)) },
);
const lastStep = fc.option(anyWorker.map((worker) => (rig: Rig) => rig.removeWorker(worker)));

for (const fullPolicy of ["evict", "refuse"] as const) {
  test(`table and model, under any operations, agree (policy ${fullPolicy})`, () => {
    let fullest = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(1, 5, 1000),
        fc.array(anyStep, { minLength: 50, maxLength: 400, size: "max" }),
        lastStep,
        (hashes, steps, last) => {
          const rig = new Rig(hashes, fullPolicy);
          for (const step of steps) {
            step(rig);
            rig.check();
            fullest = Math.max(fullest, rig.live.size);
          }
          last?.(rig);
          rig.check();
        },
      ),
      { numRuns: 150 },
    );
    assert.is(fullest, CAPACITY, "the runs have to fill the table");
  });
}

test.run();
