// Placement: which worker a new flow gets, what the flow table then remembers, and what the load board is told of it.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Placement, type PlacementOptions } from "../../../core/director/placement.js";
import { leastFlows, type Policy } from "../../../core/director/policies.js";
import { SPILL_ALLOWANCE_FLOWS } from "../../../core/director/spill.js";
import {
  VERDICT_NEW_FLOW,
  VERDICT_NEW_SOURCE,
  VERDICT_NO_WORKER,
  VERDICT_TABLE_FULL,
} from "../../../core/director/verdict.js";
import { allocateFlowTable, NO_ENTRY, STATE_ESTABLISHED } from "../../../core/flow/flow-entry.js";
import { seedFrom } from "../../../core/flow/flow-hash.js";
import { KEY_DESTINATION, KEY_KIND, KEY_PORTS, KEY_WORDS } from "../../../core/flow/flow-key.js";
import { FlowTable, type FullPolicy } from "../../../core/flow/flow-table.js";
import { DEFAULT_FLOW_TIMEOUTS } from "../../../core/flow/flow-timeouts.js";
import { countOnBoard } from "../../../core/flow/load-observer.js";
import {
  allocateLoadBoard,
  BOARD_FLOWS,
  BOARD_SOURCES,
  BOARD_STATE,
  BOARD_TURN,
  BOARD_WEIGHT,
  FULL_WEIGHT,
  LoadBoard,
  WORKER_ABSENT,
  WORKER_DRAINING,
  WORKER_SERVING,
} from "../../../core/memory/load-board.js";
import { parseAddress } from "../../../core/wire/address.js";

interface Options extends Partial<PlacementOptions> {
  readonly workers?: number;
  readonly flowEntries?: number;
  readonly fullPolicy?: FullPolicy;
}

class Place {
  readonly board = new LoadBoard(allocateLoadBoard());
  readonly table: FlowTable;
  readonly placement: Placement;

  constructor({ workers = 3, flowEntries = 1024, fullPolicy = "evict", ...options }: Options = {}) {
    this.table = new FlowTable(
      allocateFlowTable(flowEntries),
      DEFAULT_FLOW_TIMEOUTS,
      fullPolicy,
      countOnBoard(this.board),
    );
    this.placement = new Placement({
      flowTable: this.table,
      loadBoard: this.board,
      policy: leastFlows,
      seed: seedFrom(7n),
      affinity: "source",
      affinityPrefix4: 32,
      affinityPrefix6: 64,
      spillFlows: 0,
      maxOpeningFlows: Number.POSITIVE_INFINITY,
      ...options,
    });
    this.placement.workerCount = workers;
    for (let worker = 0; worker < workers; worker++) {
      this.board.set(worker, BOARD_WEIGHT, FULL_WEIGHT);
      this.board.set(worker, BOARD_STATE, WORKER_SERVING);
    }
  }

  /** A new flow's entry, at another place in its keys than the beginning. */
  begin(source: string, port: number, tick = 0): number {
    const at = 5;
    const keys = new Int32Array(at + KEY_WORDS);
    const bytes = new Uint8Array(keys.buffer, at * 4);
    const address = parseAddress(source)!;
    bytes.set(address, 0);
    keys[at + KEY_DESTINATION] = 1;
    keys[at + KEY_PORTS] = port;
    keys[at + KEY_KIND] = 6 | ((address.length === 4 ? 4 : 6) << 8);
    return this.placement.begin(keys, at, this.placement.hashOf(keys, at), STATE_ESTABLISHED, tick);
  }

  workerOf(source: string, port: number): number {
    const flow = this.begin(source, port);
    assert.is.not(flow, NO_ENTRY);
    return this.table.workerOf(flow);
  }

  column(word: number): number[] {
    return [0, 1, 2].map((worker) => this.board.get(worker, word));
  }
}

test("flows, of one source, go to its worker; of new ones, where the policy says", () => {
  const place = new Place();
  assert.is(place.workerOf("198.19.0.1", 1), 0);
  assert.is(place.placement.verdict, VERDICT_NEW_SOURCE);
  for (let port = 2; port < 10; port++) {
    assert.is(place.workerOf("198.19.0.1", port), 0);
    assert.is(place.placement.verdict, VERDICT_NEW_FLOW);
  }
  assert.is(place.workerOf("198.19.0.2", 1), 1);
  assert.is(place.workerOf("198.19.0.3", 1), 2);
  assert.equal(place.column(BOARD_FLOWS), [9, 1, 1]);
  assert.equal(place.column(BOARD_SOURCES), [1, 1, 1]);
});

test("affinity, by prefix, takes the addresses within it for one source", () => {
  const place = new Place({ affinityPrefix4: 24, affinityPrefix6: 48 });
  assert.is(place.workerOf("198.19.0.1", 1), place.workerOf("198.19.0.200", 1));
  assert.is.not(place.workerOf("198.19.1.1", 1), 0);
  assert.is(place.workerOf("fd00:1:2:3::1", 1), place.workerOf("fd00:1:2:9::5", 1));
  assert.is(place.table.sources, 3);
});

test("affinity, by connection, places each flow anew and remembers no source", () => {
  const place = new Place({ affinity: "connection" });
  const workers = [1, 2, 3, 4, 5, 6].map((port) => place.workerOf("198.19.0.1", port));
  assert.equal(workers, [0, 1, 2, 0, 1, 2]);
  assert.is(place.placement.verdict, VERDICT_NEW_FLOW);
  assert.is(place.table.sources, 0);
});

test("policy, by connection, is asked with the flow's hash, and by source with the source's", () => {
  const hashes: number[] = [];
  const policy: Policy = (_board, _count, hash) => hashes.push(hash) & 1;
  const byConnection = new Place({ affinity: "connection", policy });
  for (let port = 1; port <= 50; port++) byConnection.begin("198.19.0.1", port);
  assert.is(new Set(hashes).size, 50);
  assert.ok(
    hashes.every((hash) => hash >= 0),
    "unsigned",
  );
  hashes.length = 0;
  const bySource = new Place({ policy });
  const again = new Place({ policy });
  bySource.begin("198.19.0.1", 1);
  again.begin("198.19.0.1", 2);
  assert.is(hashes[0], hashes[1]);
});

test("source, whose worker drains or is gone, is pinned anew, and its old flows stay where they are", () => {
  for (const state of [WORKER_DRAINING, WORKER_ABSENT]) {
    const place = new Place();
    const old = place.begin("198.19.0.1", 1);
    assert.is(place.table.workerOf(old), 0);
    place.board.set(0, BOARD_STATE, state);
    assert.is(place.workerOf("198.19.0.1", 2), 1);
    assert.is(place.placement.verdict, VERDICT_NEW_SOURCE);
    assert.is(place.table.workerOf(old), 0);
    assert.equal(place.column(BOARD_FLOWS), [1, 1, 0]);
    assert.equal(place.column(BOARD_SOURCES), [0, 1, 0]);
    // For good: its first worker's return does not move it back.
    place.board.set(0, BOARD_STATE, WORKER_SERVING);
    assert.is(place.workerOf("198.19.0.1", 3), 1);
    assert.is(place.placement.verdict, VERDICT_NEW_FLOW);
    assert.is(place.table.sources, 1);
  }
});

test("workers, of which none serves, get nothing, and nothing is remembered or unpinned", () => {
  const place = new Place();
  place.begin("198.19.0.1", 1);
  for (let worker = 0; worker < 3; worker++) place.board.set(worker, BOARD_STATE, WORKER_DRAINING);
  assert.is(place.begin("198.19.0.1", 2), NO_ENTRY);
  assert.is(place.placement.verdict, VERDICT_NO_WORKER);
  assert.is(place.begin("198.19.0.2", 1), NO_ENTRY);
  assert.is(place.placement.verdict, VERDICT_NO_WORKER);
  assert.equal([place.table.flows, place.table.sources], [1, 1]);
  assert.equal(place.column(BOARD_SOURCES), [1, 0, 0]);
  assert.is(new Place({ workers: 0 }).begin("198.19.0.1", 1), NO_ENTRY);
});

test("table, that is full and evicts nothing, refuses the flow and says so", () => {
  const place = new Place({ flowEntries: 32, fullPolicy: "refuse" });
  let begun = 0;
  while (place.begin("198.19.0.1", begun + 1) !== NO_ENTRY) begun++;
  assert.ok(begun <= 31, "the source has a place too");
  assert.is(place.placement.verdict, VERDICT_TABLE_FULL);
  assert.equal([place.table.flows, place.board.get(0, BOARD_FLOWS)], [begun, begun]);
});

test("hot source, spills new flows to other workers, and stays pinned to its own", () => {
  const spillFlows = 10;
  const place = new Place({ spillFlows });
  const limit = Math.max(spillFlows, SPILL_ALLOWANCE_FLOWS);
  let port = 1;
  while (place.workerOf("198.19.0.1", port) === 0) port++;
  assert.ok(port > limit, `the first to leave was flow ${port}`);
  assert.is(place.placement.verdict, VERDICT_NEW_FLOW);
  assert.equal(place.column(BOARD_SOURCES), [1, 0, 0]);
  const never = new Place();
  for (port = 1; port < 200; port++) assert.is(never.workerOf("198.19.0.1", port), 0);
});

test("turn, is written for the worker that a policy chose and for no other, each choice one more", () => {
  const place = new Place();
  assert.equal(place.column(BOARD_TURN), [0, 0, 0]);
  place.begin("198.19.0.1", 1);
  place.begin("198.19.0.2", 1);
  assert.equal(place.column(BOARD_TURN), [1, 2, 0]);
  // Of a source that is known no policy is asked.
  place.begin("198.19.0.1", 2);
  assert.equal(place.column(BOARD_TURN), [1, 2, 0]);
  place.begin("198.19.0.3", 1);
  assert.equal(place.column(BOARD_TURN), [1, 2, 3]);
  // Nor where none could be chosen.
  for (let worker = 0; worker < 3; worker++) place.board.set(worker, BOARD_STATE, WORKER_ABSENT);
  place.begin("198.19.0.4", 1);
  assert.equal(place.column(BOARD_TURN), [1, 2, 3]);
});

test("policy, changed, counts for new sources only", () => {
  const place = new Place();
  assert.is(place.workerOf("198.19.0.1", 1), 0);
  place.placement.policy = () => 2;
  assert.is(place.workerOf("198.19.0.1", 2), 0);
  assert.is(place.workerOf("198.19.0.2", 1), 2);
});

test.run();
