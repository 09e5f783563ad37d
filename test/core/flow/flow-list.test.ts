// The flow table for people: which entries fit which filter, what they are in words, and how a walk bears changes on its way.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allocateFlowTable, NO_ENTRY, STATE_DATAGRAM, STATE_OPENING } from "../../../core/flow/flow-entry.js";
import { type FlowFilter, FlowFilterError } from "../../../core/flow/flow-filter.js";
import { createSeed, hashKey } from "../../../core/flow/flow-hash.js";
import { createAffinityMasks, KEY_WORDS, writeFlowKey, writeSourceKey } from "../../../core/flow/flow-key.js";
import { FlowList } from "../../../core/flow/flow-list.js";
import { FlowTable } from "../../../core/flow/flow-table.js";
import { parseAddress } from "../../../core/wire/address.js";
import { CountingObserver, TIMEOUTS } from "./table-fixture.js";

const seed = createSeed();

interface Flow {
  readonly protocol: "tcp" | "udp";
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  readonly worker: number;
  readonly seen: number;
}

/** A table with these flows, and the source of each, pinned to the flow's worker. */
function tableOf(flows: readonly Flow[], affinity: { ipv4: number; ipv6: number }, capacity = 256) {
  const memory = allocateFlowTable(capacity);
  const table = new FlowTable(memory, TIMEOUTS, "refuse", new CountingObserver());
  const clock = { now: 0 };
  const list = new FlowList(memory, affinity, () => clock.now);
  const masks = createAffinityMasks(affinity.ipv4, affinity.ipv6);
  const keys = new Int32Array(2 * KEY_WORDS);
  for (const flow of flows) {
    const bytes = new Uint8Array(36);
    const [source, destination] = [parseAddress(flow.source)!, parseAddress(flow.destination)!];
    bytes.set(source, 0);
    bytes.set(destination, 16);
    new DataView(bytes.buffer).setUint16(32, flow.sourcePort);
    new DataView(bytes.buffer).setUint16(34, flow.destinationPort);
    const protocol = flow.protocol === "tcp" ? 6 : 17;
    const ipVersion = source.length === 4 ? 4 : 6;
    writeFlowKey(new Int32Array(bytes.buffer), bytes, 0, 16, 32, ipVersion, protocol, keys, 0);
    writeSourceKey(keys, 0, masks, keys, KEY_WORDS);
    const hash = (at: number) => hashKey(seed, keys, at);
    let pinned = table.lookupSource(keys, KEY_WORDS, hash(KEY_WORDS), flow.seen);
    if (pinned === NO_ENTRY) {
      pinned = table.insertSource(keys, KEY_WORDS, hash(KEY_WORDS), flow.worker, flow.seen);
    }
    const state = flow.protocol === "tcp" ? STATE_OPENING : STATE_DATAGRAM;
    table.insertFlow(keys, 0, hash(0), flow.worker, pinned, state, flow.seen);
  }
  return { table, list, clock };
}

const FLOWS: readonly Flow[] = [
  {
    protocol: "tcp",
    source: "198.18.0.7",
    sourcePort: 40_000,
    destination: "198.18.9.1",
    destinationPort: 80,
    worker: 0,
    seen: 0,
  },
  {
    protocol: "tcp",
    source: "198.18.0.7",
    sourcePort: 40_001,
    destination: "198.18.9.1",
    destinationPort: 80,
    worker: 1,
    seen: 1000,
  },
  {
    protocol: "udp",
    source: "198.18.1.7",
    sourcePort: 80,
    destination: "198.18.9.2",
    destinationPort: 8080,
    worker: 2,
    seen: 2000,
  },
  {
    protocol: "tcp",
    source: "fd98:18::1:2:3:4",
    sourcePort: 65_535,
    destination: "fd98:18::1",
    destinationPort: 80,
    worker: 3,
    seen: 3000,
  },
];

const AFFINITY = { ipv4: 32, ipv6: 64 };

test("list, of everything, tells flows and sources in words", async () => {
  const { list, clock } = tableOf(FLOWS, AFFINITY);
  clock.now = 4500;
  const entries = await list.list({}, 100);
  assert.is(entries.length, 7, "four flows of three sources");
  const flow = entries.find(({ sourcePort }) => sourcePort === 65_535);
  assert.equal(flow, {
    kind: "flow",
    state: "opening",
    worker: 3,
    source: "fd98:18::1:2:3:4",
    idleSeconds: 1.5,
    protocol: "tcp",
    sourcePort: 65_535,
    destination: "fd98:18::1",
    destinationPort: 80,
  });
  const sources = entries.filter(({ kind }) => kind === "source");
  assert.equal(
    sources.sort((a, b) => a.source.localeCompare(b.source)),
    [
      { kind: "source", state: "source", worker: 0, source: "198.18.0.7", idleSeconds: 3.5, liveFlows: 2 },
      { kind: "source", state: "source", worker: 2, source: "198.18.1.7", idleSeconds: 2.5, liveFlows: 1 },
      { kind: "source", state: "source", worker: 3, source: "fd98:18::/64", idleSeconds: 1.5, liveFlows: 1 },
    ],
  );
});

test("count, by each part of a filter, counts what fits", async () => {
  const { list, clock } = tableOf(FLOWS, AFFINITY);
  clock.now = 3000;
  const cases: readonly [FlowFilter, number][] = [
    [{}, 7],
    [{ kind: "flow" }, 4],
    [{ kind: "source" }, 3],
    [{ worker: 0 }, 2],
    [{ worker: 1 }, 1],
    [{ worker: 63 }, 0],
    [{ state: "opening" }, 3],
    [{ state: "datagram" }, 1],
    [{ state: "established" }, 0],
    [{ state: "source" }, 3],
    [{ state: "source", kind: "flow" }, 0],
    [{ protocol: "tcp" }, 3],
    [{ protocol: "udp" }, 1],
    [{ source: "198.18.0.7" }, 3],
    [{ source: "198.18.0.0/16" }, 5],
    [{ source: "198.18.0.0/16", kind: "source" }, 2],
    [{ source: "0.0.0.0/0" }, 5],
    [{ source: "::/0" }, 2],
    [{ source: "198.18.0.8" }, 0],
    [{ destination: "198.18.9.1" }, 2],
    [{ destination: "198.18.9.0/24" }, 3],
    [{ destination: "0.0.0.0/0", kind: "source" }, 0],
    [{ source: "198.18.0.0/16", destination: "::/0" }, 0],
    [{ port: 80 }, 4],
    [{ port: 8080 }, 1],
    [{ port: 40_001 }, 1],
    [{ port: 0 }, 0],
    [{ port: 80, kind: "source" }, 0],
    [{ minIdleSeconds: 0 }, 7],
    [{ minIdleSeconds: 2 }, 3],
    [{ minIdleSeconds: 2.001 }, 1],
    [{ minIdleSeconds: 4 }, 0],
    [{ kind: "flow", worker: 2, state: "datagram", protocol: "udp", source: "198.18.1.0/24", port: 80 }, 1],
  ];
  for (const [filter, expected] of cases) {
    assert.is(await list.count(filter), expected, JSON.stringify(filter));
    assert.is((await list.list(filter, 100)).length, expected, JSON.stringify(filter));
  }
});

test("filter by source, of an address within a source's prefix, finds that source", async () => {
  const { list } = tableOf(FLOWS, { ipv4: 24, ipv6: 48 });
  const [found] = await list.list({ kind: "source", source: "198.18.0.99" }, 10);
  assert.is(found?.source, "198.18.0.0/24");
  assert.is(await list.count({ kind: "flow", source: "198.18.0.99" }), 0, "but none of its flows");
  assert.is((await list.list({ kind: "source", source: "fd98:18:0:7::1" }, 10))[0]?.source, "fd98:18::/48");
  assert.is(await list.count({ kind: "source", source: "fd98:19::1" }), 0);
});

test("list, with more than the limit, stops there", async () => {
  const { list } = tableOf(FLOWS, AFFINITY);
  const all = await list.list({}, 7);
  for (const limit of [0, 1, 6]) assert.equal(await list.list({}, limit), all.slice(0, limit));
});

test("filter, with a part that cannot be, names the part and what it takes", async () => {
  const { list } = tableOf([], AFFINITY);
  const cases: readonly [unknown, RegExp][] = [
    [{ kind: "flows" }, /^kind takes flow or source, not "flows"$/],
    [{ worker: 64 }, /^worker takes a number from 0 to 63, not 64$/],
    [{ worker: 1.5 }, /^worker/],
    [{ state: "open" }, /^state takes one of opening, .*, not "open"$/],
    [{ state: "toString" }, /^state/],
    [{ protocol: "icmp" }, /^protocol takes tcp or udp/],
    [{ source: "198.18.0" }, /^source takes an address or a prefix/],
    [{ source: "198.18.0.0/33" }, /^source/],
    [{ source: "" }, /^source/],
    [{ source: 7 }, /^source/],
    [{ destination: "localhost" }, /^destination/],
    [{ port: 65_536 }, /^port/],
    [{ port: -1 }, /^port/],
    [{ minIdleSeconds: Number.NaN }, /^minIdleSeconds/],
    [{ minIdleSeconds: 2_147_484 }, /^minIdleSeconds/],
    [{ source: "x".repeat(1000) }, /…$/],
  ];
  for (const [filter, message] of cases) {
    const error = await list.count(filter as FlowFilter).then(
      () => assert.unreachable(JSON.stringify(filter)),
      (error: unknown) => error,
    );
    assert.instance(error, FlowFilterError);
    assert.match((error as Error).message, message);
  }
});

test("visit, of a table of many slices, lets others have their turn and finds what is in the last slot", async () => {
  const { table, list } = tableOf(FLOWS, AFFINITY, 2 ** 17);
  let turns = 0;
  const count = (): void => {
    turns++;
    immediate = setImmediate(count);
  };
  let immediate = setImmediate(count);
  const visited: number[] = [];
  await list.visit({}, (entry) => {
    visited.push(entry);
    return true;
  });
  clearImmediate(immediate);
  assert.ok(turns >= 3, `${turns} turns between four slices`);
  assert.is(visited.length, 7);
  assert.equal(
    visited,
    [...visited].sort((a, b) => a - b),
  );
  for (const entry of visited) assert.is.not(table.stateOf(entry), 0);
});

test("visit, that removes each entry it is told of, leaves none", async () => {
  const { table, list } = tableOf(FLOWS, AFFINITY);
  await list.visit({ kind: "flow", protocol: "tcp" }, (entry) => {
    assert.ok(table.endFlow(entry, table.generationOf(entry), 0));
    return true;
  });
  assert.is(table.flows, 1);
  assert.is(await list.count({ protocol: "tcp" }), 0);
  assert.is(await list.count({ kind: "source" }), 3);
});

test("count by prefix, of random addresses, is that of a plain comparison of bits", async () => {
  const octets = fc.array(fc.constantFrom(0, 1, 127, 128, 255), { minLength: 4, maxLength: 4 });
  const property = fc.asyncProperty(
    fc.uniqueArray(octets, { minLength: 1, maxLength: 8, selector: (one) => one.join(".") }),
    octets,
    fc.integer({ min: 0, max: 32 }),
    async (sources, prefix, prefixBits) => {
      const flows = sources.map((source): Flow => ({ ...FLOWS[0]!, source: source.join(".") }));
      const { list } = tableOf(flows, { ipv4: 0, ipv6: 0 });
      const bits = (one: readonly number[]) =>
        one.map((octet) => octet.toString(2).padStart(8, "0")).join("");
      const expected = sources.filter((one) => bits(one).startsWith(bits(prefix).slice(0, prefixBits)));
      const filter: FlowFilter = { kind: "flow", source: `${prefix.join(".")}/${prefixBits}` };
      assert.is(await list.count(filter), expected.length);
      assert.is(await list.count({ kind: "source", source: prefix.join(".") }), 1, "of all addresses");
    },
  );
  await fc.assert(property, { numRuns: 200 });
});

test.run();
