// The benchmarks' own instruments: a figure is worth no more than they are.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { measureHeap } from "../../benchmarks/support/heap.js";
import {
  ACK_40,
  ACK_64,
  ACK_576,
  ACK_1500,
  NumberedFlows,
  PacketSchedule,
  SYN_40,
  SYN_64,
} from "../../benchmarks/support/numbered-flows.js";
import { ServerProcess } from "../../benchmarks/support/server-process.js";
import { Burst } from "../../core/link/link.js";
import { allocatePacketPool } from "../../core/memory/packet-pool.js";
import { PARSE_OK } from "../../core/wire/faults.js";
import { parsePacket } from "../../core/wire/packet.js";
import { PacketView } from "../../core/wire/packet-view.js";
import { ACK, SYN } from "../../core/wire/tcp.js";
import { failure } from "../core/cli/command-fixture.js";

const support = suite("benchmark support");
const folder = mkdtempSync(join(tmpdir(), "limpet-bench-"));
support.after(() => rmSync(folder, { recursive: true }));

function script(name: string, source: string): URL {
  const path = join(folder, name);
  writeFileSync(path, source);
  return pathToFileURL(path);
}

support("measureHeap, sees what stays", async () => {
  // Much more than what others free meanwhile: weakly held code, what earlier tests have left.
  const { result, heap } = await measureHeap(() => new Array(1_000_000).fill(0.5));
  assert.is(result.length, 1_000_000);
  assert.ok(heap.retainedBytes > 7_000_000, String(heap.retainedBytes));
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

support("NumberedFlows, makes what the schedule says, all of it valid", () => {
  const first = 1 << 20;
  const flows = 100;
  const schedule = new PacketSchedule(flows);
  const shapes = [ACK_40, SYN_40, ACK_64, SYN_64, ACK_576, ACK_1500];
  for (let i = 0; i < flows; i++) schedule.setFlow(i, first + i, shapes[i % shapes.length]!);
  const link = new NumberedFlows();
  const burst = new Burst(allocatePacketPool(128, 2048));
  const { pool } = burst;
  const view = new PacketView();
  link.make(schedule, flows);
  const seen = new Set<string>();
  const made: [number, number][] = [];
  while (link.left > 0) {
    link.receive(burst);
    for (let i = 0; i < burst.count; i++) {
      const offset = pool.packetOffset(burst.slots[i]!);
      assert.is(parsePacket(pool.bytes, pool.halves, offset, burst.lengths[i]!, 1, view), PARSE_OK);
      made.push([view.tcpFlags, view.totalLength]);
      // With its checksum the header sums to all ones (RFC 1071), in a sum of our own beside the parser's.
      let sum = 0;
      for (let at = offset; at < offset + 20; at += 2) sum += (pool.bytes[at]! << 8) | pool.bytes[at + 1]!;
      assert.is((sum & 0xffff) + (sum >>> 16), 0xffff);
      seen.add(pool.bytes.slice(offset + 12, offset + 22).join("."));
      burst.freeSlots.release(burst.slots[i]!);
    }
  }
  assert.is(seen.size, flows);
  // 2^20 flows of 16 a source before it, at the ports from 1024 on.
  assert.ok(seen.has("10.1.0.0.198.18.0.1.4.0") && seen.has("10.1.0.6.198.18.0.1.4.3"));
  assert.equal(made.slice(0, 6), [
    [ACK, 40],
    [SYN, 40],
    [ACK, 64],
    [SYN, 64],
    [ACK, 576],
    [ACK, 1500],
  ]);
  assert.is(schedule.next, 0, "goes on from its beginning");
});

support("NumberedFlows, with a schedule that is refilled, never makes a packet again", () => {
  let flow = 0;
  const fill = (schedule: PacketSchedule) => {
    for (let i = 0; i < schedule.length; i++) schedule.setFlow(i, flow++, SYN_40);
  };
  const schedule = new PacketSchedule(7, fill);
  fill(schedule);
  const link = new NumberedFlows();
  const burst = new Burst(allocatePacketPool(64, 2048));
  link.make(schedule, 50);
  link.receive(burst);
  const ends = Array.from({ length: burst.count }, (_, i) => {
    const offset = burst.pool.packetOffset(burst.slots[i]!);
    return burst.pool.bytes.slice(offset + 12, offset + 22).join(".");
  });
  assert.is(new Set(ends).size, 50);
});

support("NumberedFlows, stops when no slot is free, and makes the rest later", () => {
  const link = new NumberedFlows();
  const burst = new Burst(allocatePacketPool(8, 2048));
  link.make(new PacketSchedule(16), 10);
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

support(
  "ServerProcess, that ends before it is ready, is an error that says how, or what it said",
  async () => {
    const errorOf = (name: string, source: string) => failure(ServerProcess.start(script(name, source), []));
    // The word within a line is not the line.
    const silent = await errorOf(
      "early.mjs",
      `console.log("not ready"); setTimeout(() => process.exit(3), 50);`,
    );
    assert.match(silent.message, /early\.mjs ended early: exit code 3$/);
    const telling = await errorOf("tells.mjs", `console.error("limpet: no luck"); process.exitCode = 2;`);
    assert.is(telling.message, "no luck");
    assert.equal([silent.code, telling.code], ["ERR_SERVER_START", "ERR_SERVER_START"]);
  },
);

support("ServerProcess, killed by a signal of somebody else, can still be stopped", async () => {
  const source = `console.log("ready"); setImmediate(() => process.kill(process.pid, "SIGKILL"));`;
  const server = await ServerProcess.start(script("killed.mjs", source), []);
  await server.stop();
});

support.run();
