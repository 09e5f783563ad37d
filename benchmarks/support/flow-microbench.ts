// What hash and lookup in the flow table cost: nanoseconds a packet in bursts of 64, at 1 k to 1 M flows, hit and miss,
// with and without touching the burst's lines first; and whether 10 M lookups leave anything on the heap.
//   node dist/benchmarks/support/flow-microbench.js [flows …]

import { cpus } from "node:os";
import { allocateFlowTable, STATE_ESTABLISHED, STATE_OPENING } from "../../core/flow/flow-entry.js";
import { hashKey, seedFrom } from "../../core/flow/flow-hash.js";
import { KEY_DESTINATION, KEY_KIND, KEY_PORTS, KEY_SOURCE, KEY_WORDS } from "../../core/flow/flow-key.js";
import { FlowTable, type FullPolicy } from "../../core/flow/flow-table.js";
import { DEFAULT_FLOW_TIMEOUTS } from "../../core/flow/flow-timeouts.js";

const BURST = 64;
const LOOKUPS = 5_000_000;
const SEED_BITS = 0x0123456789abcdefn;
const seed = seedFrom(SEED_BITS);
const hashes = new Int32Array(BURST);
const keys = new Int32Array(BURST * KEY_WORDS);

/** Flow number `n`, 64 ports from each source; a packet's key is written as the director writes it, so it is timed. */
function writeKey(n: number, ipVersion: number, at: number): void {
  keys[at + KEY_SOURCE] = (0x0a000000 + (n >>> 6)) | 0;
  keys[at + KEY_DESTINATION] = 0x0a0a0a0a;
  keys[at + KEY_PORTS] = ((n & 63) << 16) | 80;
  keys[at + KEY_KIND] = 6 | (ipVersion << 8);
  keys[at + KEY_SOURCE + 3] = ipVersion === 6 ? n : 0;
}

function nextRandom(state: number): number {
  let x = state;
  x ^= x << 13;
  x ^= x >>> 17;
  return x ^ (x << 5);
}

function fill(
  flows: number,
  capacity: number,
  ipVersion: number,
  fullPolicy: FullPolicy = "refuse",
): FlowTable {
  const nothing = (): void => {};
  const observer = { flowStarted: nothing, flowEnded: nothing, sourceStarted: nothing, sourceEnded: nothing };
  const table = new FlowTable(allocateFlowTable(capacity), DEFAULT_FLOW_TIMEOUTS, fullPolicy, observer);
  for (let n = 0; n < flows; n++) {
    writeKey(n, ipVersion, 0);
    table.insertFlow(keys, 0, hashKey(seed, keys, 0), n & 3, -1, STATE_ESTABLISHED, 0);
  }
  return table;
}

let sink = 0;

/** Random flows `from` … `from + span - 1` (a power of two), looked up and touched in bursts. Returns those found. */
function lookUp(table: FlowTable, from: number, span: number, ipVersion: number, touches: boolean): number {
  let random = 0x9e3779b9;
  let found = 0;
  for (let done = 0; done < LOOKUPS; done += BURST) {
    for (let i = 0, at = 0; i < BURST; i++, at += KEY_WORDS) {
      random = nextRandom(random);
      writeKey(from + (random & (span - 1)), ipVersion, at);
      hashes[i] = hashKey(seed, keys, at);
    }
    if (touches) sink ^= table.touchLines(hashes, BURST);
    for (let i = 0, at = 0; i < BURST; i++, at += KEY_WORDS) {
      const entry = table.lookupFlow(keys, at, hashes[i]!);
      if (entry < 0) continue;
      found++;
      table.followTcp(entry, 0x10, done);
      sink ^= table.workerOf(entry) ^ table.generationOf(entry);
    }
  }
  return found;
}

function time(table: FlowTable, from: number, span: number, ipVersion: number, touches: boolean): string {
  // The best of three: others may use the machine.
  let found = 0;
  let ns = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 3; run++) {
    const started = process.hrtime.bigint();
    found = lookUp(table, from, span, ipVersion, touches);
    ns = Math.min(ns, Number(process.hrtime.bigint() - started) / LOOKUPS);
  }
  return `${ns.toFixed(1).padStart(6)} (${((found / LOOKUPS) * 100).toFixed(0)} %)`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

print(`# ${cpus()[0]?.model}, node ${process.version}, seed ${SEED_BITS.toString(16)}; ns a lookup (found)`);
print("flows    capacity  hit, touched   hit            miss, touched  miss           IPv6 hit, touched");
const chosen = process.argv.slice(2).map(Number);
for (const flows of chosen.length > 0 ? chosen : [1 << 10, 1 << 13, 1 << 17, 1 << 20]) {
  const capacity = flows * 2;
  const table = fill(flows, capacity, 4);
  if (flows <= 1 << 13) lookUp(table, 0, flows, 4, true); // Until the compiler has seen it.
  const columns = [
    time(table, 0, flows, 4, true),
    time(table, 0, flows, 4, false),
    time(table, 1 << 24, flows, 4, true),
    time(table, 1 << 24, flows, 4, false),
    time(fill(flows, capacity, 6), 0, flows, 6, true),
  ];
  print(`${String(flows).padEnd(8)} ${String(capacity).padEnd(9)} ${columns.join("  ")}`);
}

/** Bytes that the heap has grown by when `work` is done a second time. */
function heapGrowth(work: () => void): string {
  work();
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  work();
  const after = process.memoryUsage().heapUsed;
  return `${after - before} bytes${globalThis.gc ? "" : " (run with --expose-gc)"}`;
}

const table = fill(1 << 17, 1 << 18, 4);
print(
  `# heap after ${2 * LOOKUPS} lookups: ${heapGrowth(() => {
    sink ^= lookUp(table, 0, 1 << 17, 4, true);
    sink ^= lookUp(table, 0, 1 << 17, 4, true);
  })}`,
);

/** A million new flows in a table for 65,536: nearly all displace another. */
function displace(): void {
  const small = fill(0, 1 << 16, 4, "evict");
  for (let n = 0; n < 1 << 20; n++) {
    writeKey(n, 4, 0);
    small.insertFlow(keys, 0, hashKey(seed, keys, 0), n & 3, -1, STATE_OPENING, n >> 8);
  }
}
displace();
let started = performance.now();
displace();
print(
  `# insertion into a full table: ${(((performance.now() - started) * 1e6) / 2 ** 20).toFixed(0)} ns a flow`,
);
print(`# heap after these: ${heapGrowth(displace)}, the table's own objects with it`);

started = performance.now();
for (let entry = 0; entry < table.capacity; entry++) table.expire(entry, 1);
print(
  `# a sweep that finds nothing: ${(((performance.now() - started) * 1e6) / table.capacity).toFixed(1)} ns a slot`,
);
started = performance.now();
const removed = table.removeWorker(1, 0);
print(`# removeWorker, 1 of 4: ${removed} flows in ${(performance.now() - started).toFixed(1)} ms; ${sink}`);
