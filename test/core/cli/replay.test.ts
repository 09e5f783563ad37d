// `limpet replay`: counts that add up, runs that repeat, both paces, what it prints and writes, and one sentence for what cannot be.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ReplayResult } from "../../../core/cli/replay/result.js";
import type { ReplayClock } from "../../../core/link/pcap.js";
import { enhancedBlock, interfaceBlock, pcap, section } from "../../support/capture-bytes.js";
import { CAPTURES, captureTest } from "../../support/captures.js";
import { SYN, tcpFrom } from "../../support/director-fixture.js";
import { udpPacket } from "../../support/packets.js";
import { replayOutput, replayResult } from "../../support/replay-fixture.js";
import { failure } from "./command-fixture.js";

const folder = mkdtempSync(join(tmpdir(), "limpet-replay-"));
const replay = suite("replay");
replay.after(() => rmSync(folder, { recursive: true }));

function write(bytes: Iterable<number>, name = "capture"): string {
  const path = join(folder, name);
  writeFileSync(path, Uint8Array.from(bytes));
  return path;
}

const udp = Array.from(udpPacket({}));
const arp = [...new Array<number>(12).fill(2), 8, 6, 0, 0];
/** Raw IP, 1.5 seconds between packets: SYNs of so many sources. */
const syns = (sources: number) =>
  pcap(
    101,
    Array.from({ length: sources }, (_, n) => [...tcpFrom(`10.0.0.${n + 1}`, SYN)]),
  );

/** Datagrams of one flow, so many milliseconds after each other. */
function datagrams(...gapsMs: number[]): number[] {
  let atMs = 0;
  const blocks = [0, ...gapsMs].flatMap((gapMs) => {
    atMs += gapMs;
    return enhancedBlock(0, atMs * 1000, udp);
  });
  return [...section(), ...interfaceBlock(101), ...blocks];
}

/** What does not depend on when and how fast it ran. */
function timeless({ date: _, timing: __, ...others }: ReplayResult): object {
  return others;
}

/** A clock on which time passes only when it is waited for, and then at once. */
class WaitedClock implements ReplayClock {
  timeMs = 5000;
  waits = 0;
  /** Called before a wait. */
  onWait = () => {};
  nowMs(): number {
    return this.timeMs;
  }
  setTimer(wake: () => void, delayMs: number): () => void {
    this.waits++;
    this.onWait();
    const due = setImmediate(() => {
      this.timeMs += delayMs;
      wake();
    });
    return () => clearImmediate(due);
  }
}

replay("counts, of packets, workers, flows and sources, are those of the capture", async () => {
  const result = await replayResult([write(syns(8)), "--workers", "4", "--policy", "round-robin"]);
  assert.equal([result.records, result.packets, result.verdicts["new-source"]], [8, 8, 8]);
  assert.is(result.bytes, 8 * tcpFrom("10.0.0.1", SYN).length);
  assert.is(result.recordedSeconds, 10.5);
  for (const { packets, flows, sources } of result.workers)
    assert.equal([packets, flows, sources], [2, 2, 2]);
  assert.equal(result.spread.flows, { mean: 2, most: 2, coefficientOfVariation: 0, mostByMean: 1 });
  assert.equal([result.table.most, result.table.flowsAtEnd, result.table.sourcesAtEnd], [16, 8, 8]);
  assert.is(result.timing.runs, 1);
});

replay("destination, of any address, is the farm's, unless there are own ones", async () => {
  const file = write(
    pcap(101, [udp, [...udpPacket({ destination: "192.0.2.9" })], [...tcpFrom("10.0.0.1", SYN)]]),
  );
  assert.is((await replayResult([file])).verdicts["not-ours"], 0);
  const own = ["--own-address", "192.0.2.9", "--own-address", "2001:db8::1"];
  const result = await replayResult([...own, file]);
  assert.equal(result.ownAddresses, ["192.0.2.9", "2001:db8::1"]);
  assert.equal([result.verdicts["not-ours"], result.verdicts["new-source"]], [2, 1]);
});

replay("options, are a farm's: by flag, environment and file", async () => {
  const file = write(syns(4));
  const config = join(folder, "farm.toml");
  writeFileSync(config, 'policy = "hash"\naffinity = "connection"\nworkers = 2\n');
  const environment = { LIMPET_WORKERS: "3" };
  const { settings, workers } = await replayResult([file, "--config", config, "--affinity", "source"], {
    environment,
  });
  assert.equal(
    [settings.policy, settings.affinity, settings.workers, workers.length],
    ["hash", "source", 3, 3],
  );
});

replay("seed, that was not given, is told, and repeats the run", async () => {
  const file = write(syns(200));
  const parameters = [file, "--workers", "5", "--policy", "hash"];
  const first = await replayResult(parameters);
  const second = await replayResult([...parameters, "--seed", String(first.settings.seed)]);
  assert.equal(timeless(second), timeless(first));
  const other = await replayResult([...parameters, "--seed", String(Number(first.settings.seed) + 1)]);
  assert.not.equal(other.workers, first.workers);
});

replay("full speed, has the capture's own time: flows age in it", async () => {
  // A flow of datagrams is forgotten after 300 s of silence, within a round of the sweep.
  const begun = async (...gapsMs: number[]) =>
    (await replayResult([write(datagrams(...gapsMs))])).table.counts.flows_started;
  assert.is(await begun(200_000, 200_000), 1);
  assert.is(await begun(200_000, 330_000), 2);
  assert.is(await begun(330_000, 330_000, 1), 3);
});

replay("full speed, of a capture that claims to have taken ages, ends", async () => {
  const longest = [...section(), ...interfaceBlock(101, [9, 0, 1, 0, 0, 0, 0, 0])];
  const bytes = [...longest, ...enhancedBlock(0, 0, udp), ...enhancedBlock(0, 2 ** 64 - 2 ** 12, udp)];
  const result = await replayResult([write([...bytes, ...enhancedBlock(0, 5, udp)])]);
  assert.is(result.packets, 3);
  assert.ok(result.recordedSeconds > 1e18);
});

replay("recorded pace, delivers each packet at its time, with the same outcome", async () => {
  const file = write(datagrams(200_000, 330_000, 10));
  const clock = new WaitedClock();
  const paced = await replayResult([file, "--pace", "recorded", "--seed", "1"], { clock });
  assert.is(Math.round(clock.timeMs - 5000), 530_010);
  const full = await replayResult([file, "--seed", "1"]);
  assert.equal({ ...timeless(paced), pace: "full" }, timeless(full));
});

replay("recorded pace, interrupted, tells what was seen until then", async () => {
  const file = write(datagrams(10_000, 10_000, 10_000));
  for (const json of [true, false]) {
    const interruption = new AbortController();
    const clock = new WaitedClock();
    clock.onWait = () => {
      if (clock.timeMs >= 5000 + 15_000) interruption.abort();
    };
    const parameters = [file, "--pace", "recorded"];
    const how = { clock, signal: interruption.signal };
    if (json) {
      const { isWhole, packets, records } = await replayResult(parameters, how);
      assert.equal([isWhole, packets, records], [false, 2, 2]);
    } else {
      assert.match(
        await replayOutput(parameters, how),
        /ended early[\s\S]*2 records = 0 not delivered \+ 2|2 records = 0 not delivered \+ 2[\s\S]*ended early/,
      );
    }
  }
});

replay("full speed, interrupted before it began, tells that too", async () => {
  const { isWhole, packets, timing } = await replayResult([write(syns(3)), "--repeat", "5"], {
    signal: AbortSignal.abort(),
  });
  assert.equal([isWhole, packets, timing.runs, timing.bestNsPerPacket], [false, 0, 1, null]);
});

replay("repeat, times each run", async () => {
  const { timing } = await replayResult([write(syns(3)), "--repeat", "4"]);
  assert.equal([timing.runs, timing.busyMs.length], [4, 4]);
  assert.ok(timing.bestNsPerPacket! <= timing.medianNsPerPacket!);
});

replay("text, has the counts, the tables, and a sentence that they add up", async () => {
  const text = await replayOutput([write(pcap(1, [arp, [1]])), "--workers", "2"]);
  assert.match(text, /dropped +non-ip 1, short-frame 1\n/);
  assert.match(
    text,
    /^Every record is counted exactly once: 2 records = 2 not delivered \+ 0 with a verdict/m,
  );
  assert.match(text, /^There is no IP packet in it\.$/m);
  assert.match(text, /^worker +packets +bytes +flows +sources$/m);
  assert.match(text, /no packet to time/);
});

replay("truncated capture, is told of and no error", async () => {
  const file = write(syns(3).slice(0, -5));
  const result = await replayResult([file]);
  assert.equal([result.records, result.packets, result.drops.truncatedRecord], [3, 2, 1]);
  assert.match(await replayOutput([file]), /^The file ends within a record/m);
});

replay("html, is a page of the same figures, whatever the file is called", async () => {
  const file = write(syns(3), "<img src=x onerror=alert(1)>.pcap");
  const html = join(folder, "report.html");
  await replayOutput([file, "--html", html, "--seed", "9", "--repeat", "2"]);
  const page = readFileSync(html, "utf8");
  assert.not.match(page, /<img/);
  assert.match(page, /&lt;img src=x onerror=alert\(1\)&gt;\.pcap/);
  assert.match(page, /3 records = 0 not delivered \+ 3 with a verdict/);
  assert.match(page, /<dt>seed<\/dt><dd>9<\/dd>/);
  assert.is(page.split("<figure>").length - 1, 3);
});

replay("what cannot be, is said in one sentence, and nothing is written", async () => {
  const html = join(folder, "absent", "report.html");
  const good = write(syns(1), "good");
  const cases: [string[], RegExp][] = [
    [[join(folder, "none")], /none cannot be read: there is no such file$/],
    [[folder], /cannot be read: it is a directory$/],
    [[write([], "empty")], /is too short for a capture file$/],
    [[write([...Buffer.from("GET / HTTP/1.1\r\n\r\n        ")], "text\u001b[2J")], /text \[2J is neither/],
    [[write(pcap(147, [udp]), "link type")], /has link type 147/],
    [["/dev/null", "--repeat", "2"], /--repeat takes a file that can be read again/],
    [[good, "--html", html], /report\.html cannot be written: there is no such file$/],
    [[good, "--html", folder], /cannot be written: it is a directory$/],
    [[good, "--own-address", "here"], /--own-address takes an IPv4 or IPv6 address, not "here"$/],
    [[good, "--repeat", "0"], /--repeat takes .*, not "0"$/],
    [[good, "--repeat", "2", "--pace", "recorded"], /--repeat is for/],
    [[good, "--workers", "0"], /--workers takes/],
    [[good, "--pace", "slow"], /slow/],
  ];
  for (const [parameters, message] of cases) {
    const error = await failure(replayOutput(parameters));
    assert.ok(error.code, String(error.stack));
    assert.match(error.message, message);
    assert.not.match(error.message.trimEnd(), /\n/);
  }
  const report = join(folder, "kept.html");
  await failure(replayOutput([join(folder, "none"), "--html", report]));
  assert.throws(() => statSync(report), /ENOENT/);
});

replay(
  "command, ends with exit code 2 and a line for a file that is not there, and with 0 for one that is",
  () => {
    const limpet = fileURLToPath(new URL("../../../core/cli/limpet.js", import.meta.url));
    const run = (...parameters: string[]) =>
      spawnSync(process.execPath, [limpet, "replay", ...parameters], { encoding: "utf8", timeout: 60_000 });
    const absent = run(join(folder, "none.pcap"));
    assert.equal([absent.status, absent.stdout], [2, ""]);
    assert.match(absent.stderr, /^limpet: \S+ cannot be read: there is no such file\n$/);
    const present = run(write(syns(2)));
    assert.equal([present.status, present.stderr], [0, ""]);
    assert.match(present.stdout, /2 records/);
  },
);

/** A capture with some of its bytes replaced, or its end cut off. */
const damaged = fc
  .tuple(
    fc.constantFrom(syns(4), datagrams(1, 2), pcap(1, [arp, [1]], false), pcap(113, [udp])),
    fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 0, max: 255 })), { maxLength: 12 }),
    fc.nat(400),
  )
  .map(([bytes, changes, length]) => {
    const copy = [...bytes];
    for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
    return Uint8Array.from(length > 300 ? copy : copy.slice(0, length));
  });

replay("file, of any bytes, is counted record by record or refused in a sentence", async () => {
  const small = ["--workers", "2", "--flow-entries", "1024", "--pool-slots", "256", "--seed", "1"];
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), async (bytes) => {
      const file = write(bytes);
      try {
        // The schema has no record unaccounted for.
        await replayResult([file, ...small]);
      } catch (error) {
        assert.is((error as NodeJS.ErrnoException).code, "unusable_file", String((error as Error).stack));
      }
    }),
    { numRuns: 400 },
  );
});

captureTest(replay, "runs of one seed, of every large capture, are equal but for their times", async () => {
  for (const name of ["example2", "ip-frag", "raw_ip"]) {
    const parameters = [join(CAPTURES, `${name}.pcap`), "--seed", "7", "--workers", "4"];
    assert.equal(timeless(await replayResult(parameters)), timeless(await replayResult(parameters)), name);
  }
});

replay.run();
