// The benchmarks' own instruments: a figure is worth no more than they are.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { measureHeap } from "../../benchmarks/support/heap.js";
import { NumberedFlows } from "../../benchmarks/support/numbered-flows.js";
import { ServerProcess } from "../../benchmarks/support/server-process.js";
import { Burst } from "../../core/link/link.js";
import { allocatePacketPool } from "../../core/memory/packet-pool.js";
import { PARSE_OK } from "../../core/wire/faults.js";
import { parsePacket } from "../../core/wire/packet.js";
import { PacketView } from "../../core/wire/packet-view.js";
import { SYN } from "../../core/wire/tcp.js";

const support = suite("benchmark support");
const folder = mkdtempSync(join(tmpdir(), "limpet-bench-"));
support.after(() => rmSync(folder, { recursive: true }));

function script(name: string, source: string): URL {
  const path = join(folder, name);
  writeFileSync(path, source);
  return pathToFileURL(path);
}

support("measureHeap, sees what stays", async () => {
  const { result, heap } = await measureHeap(() => new Array(100_000).fill(0.5));
  assert.is(result.length, 100_000);
  assert.ok(heap.retainedBytes > 700_000, String(heap.retainedBytes));
});

support("measureHeap, counts the collections of garbage that does not stay", async () => {
  // More than the young generation holds at its largest; each array is read by the next, so that none is optimized away.
  const { heap } = await measureHeap(() => {
    let last: number[] = [];
    for (let i = 0; i < 2_000_000; i++) last = [i, last.length, i, i, i, i, i, i];
    return last.length;
  });
  assert.ok(heap.collections > 0, String(heap.collections));
  assert.ok(heap.retainedBytes < 1_000_000, String(heap.retainedBytes));
});

support("measureHeap, sees nothing where nothing is allocated", async () => {
  const words = new Int32Array(64);
  const work = () => {
    for (let i = 0; i < 1_000_000; i++) words[i & 63]! += i;
    return words[1]!;
  };
  work();
  const { heap } = await measureHeap(work);
  assert.is(heap.collections, 0);
  // The compiler may still be at work; a number for each round of the loop would be 12 MB.
  assert.ok(heap.allocatedBytes < 2_000_000, String(heap.allocatedBytes));
});

support("NumberedFlows, makes each flow of its range once before any again, all of them valid", () => {
  const first = 1 << 20;
  const flows = 100;
  const link = new NumberedFlows();
  const burst = new Burst(allocatePacketPool(128, 2048));
  const { pool } = burst;
  const view = new PacketView();
  link.choose(first, flows);
  link.make(flows, SYN);
  const seen = new Set<string>();
  while (link.left > 0) {
    link.receive(burst);
    for (let i = 0; i < burst.count; i++) {
      const offset = pool.packetOffset(burst.slots[i]!);
      assert.is(parsePacket(pool.bytes, pool.halves, offset, burst.lengths[i]!, 1, view), PARSE_OK);
      assert.is(view.tcpFlags, SYN);
      // With its checksum the header sums to all ones (RFC 1071), in a sum of our own beside the parser's.
      let sum = 0;
      for (let at = offset; at < offset + 20; at += 2) sum += (pool.bytes[at]! << 8) | pool.bytes[at + 1]!;
      assert.is((sum & 0xffff) + (sum >>> 16), 0xffff);
      seen.add(pool.bytes.slice(offset + 12, offset + 22).join("."));
      burst.freeSlots.release(burst.slots[i]!);
    }
  }
  assert.is(seen.size, flows);
});

support("NumberedFlows, stops when no slot is free, and makes the rest later", () => {
  const link = new NumberedFlows();
  const burst = new Burst(allocatePacketPool(8, 2048));
  link.choose(0, 16);
  link.make(10, SYN);
  link.receive(burst);
  assert.is(burst.count, 8);
  assert.is(link.left, 2);
  assert.is(link.drops.noSlot, 1);
});

support("ServerProcess, ready, is measured and ended", async () => {
  const busy = "const end = Date.now() + 100; while (Date.now() < end); ";
  const server = await ServerProcess.start(
    script("ready.mjs", `${busy}console.log("ready"); setInterval(() => {}, 1000);`),
    [],
  );
  assert.ok(server.processorUs() > 0);
  await server.stop();
  await server.stop();
});

support("ServerProcess, that ends before it is ready, is an error that says how", async () => {
  // The word within a line is not the line.
  const url = script("early.mjs", `console.log("not ready"); setTimeout(() => process.exit(3), 50);`);
  await ServerProcess.start(url, []).then(
    () => assert.unreachable("it did not start"),
    (error: Error) => assert.match(error.message, /early\.mjs ended early: exit code 3$/),
  );
});

support("ServerProcess, killed by a signal of somebody else, can still be stopped", async () => {
  const source = `console.log("ready"); setImmediate(() => process.kill(process.pid, "SIGKILL"));`;
  const server = await ServerProcess.start(script("killed.mjs", source), []);
  await server.stop();
});

support.run();
