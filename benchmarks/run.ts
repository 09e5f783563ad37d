// `npm run bench -- NAME`: runs a benchmark and prints its figures, for people or, with --json, for programs. Everything is
// bounded in time and leaves nothing behind.

import { Command, InvalidArgumentError } from "commander";
import { POLICIES, type PolicyName } from "../core/director/policies.js";
import { MAX_WORKERS } from "../core/memory/load-board.js";
import { BALANCE_TRAFFIC, runBalance } from "./balance.js";
import { CONGESTION_CONTROLS, runCongestion } from "./congestion.js";
import { runConnections } from "./connections.js";
import { runDispatch, TRAFFIC } from "./dispatch.js";
import { FLOODS, runFlood } from "./flood.js";
import { runGoodput } from "./goodput.js";
import { runHashing } from "./hashing.js";
import { runHttp } from "./http.js";
import { runSessions } from "./sessions.js";
import { describeMachine, formatTable } from "./support/machine.js";
import { isInside, reenter, refusal } from "./support/namespace.js";
import { count, someOf } from "./support/parameters.js";
import { runThroughput } from "./throughput.js";

/** Before any load of our own. */
const machine = describeMachine();

function counts(text: string): number[] {
  return text.split(",").map(count);
}

function countOrNone(text: string): number {
  return text === "0" ? 0 : count(text);
}

function countsOrNone(text: string): number[] {
  return text.split(",").map(countOrNone);
}

function percents(text: string): number[] {
  return text.split(",").map((part) => {
    if (!/^\d{1,2}(\.\d{1,6})?$/.test(part)) throw new InvalidArgumentError("It takes numbers from 0 to 99.");
    return Number(part);
  });
}

/** Sizes of simulated farms. */
function farmSizes(from: number): (text: string) => number[] {
  return (text) => {
    const sizes = counts(text);
    if (sizes.some((size) => size < from || size > MAX_WORKERS))
      throw new InvalidArgumentError(`It takes whole numbers from ${from} to ${MAX_WORKERS}.`);
    return sizes;
  };
}

function print(
  benchmark: string,
  options: object,
  figures: object,
  rows: () => Record<string, string | number>[],
): void {
  if ("json" in options) {
    process.stdout.write(`${JSON.stringify({ benchmark, machine, options, figures }, null, 2)}\n`);
    return;
  }
  process.stdout.write(
    `${benchmark} ${JSON.stringify(options)}\n${JSON.stringify(machine)}\n\n${formatTable(rows())}`,
  );
}

const dispatch = new Command("dispatch")
  .description("the in-memory packet path through the director, in nanoseconds a packet")
  .option("--packets <n>", "packets for each figure", count, 10_000_000)
  .option("--flows <n,…>", "resident flows", counts, [1000, 100_000, 1_000_000])
  .option("--traffic <kind,…>", TRAFFIC.join(", "), someOf(TRAFFIC), [...TRAFFIC])
  .option("--workers <n>", "workers that stand-ins play", count, 4)
  .option("--seed <n>", "seed of the flow hash", count, 1)
  .option("--json", "print JSON")
  .action(async (options) => {
    const figures = await runDispatch(options);
    print("dispatch", options, figures, () =>
      figures.map((figure) => ({
        traffic: figure.traffic,
        flows: figure.flows,
        "ns/packet": figure.totalNs.toFixed(0),
        link: figure.linkNs.toFixed(0),
        "stand-ins": figure.standInNs.toFixed(0),
        director: figure.directorNs.toFixed(0),
        "Mpackets/s": figure.millionPacketsPerSecond.toFixed(2),
        "allocated bytes": figure.allocatedBytes,
        "a packet": (figure.allocatedBytes / figure.packets).toFixed(3),
        collections: figure.collections,
        "retained bytes": figure.retainedBytes,
        unexpected: figure.unexpected,
      })),
    );
  });

/** Runs `use` in a network namespace of its own, or says why there can be none. */
async function inNamespace(use: () => Promise<void>): Promise<void> {
  if (isInside()) return use();
  const reason = refusal();
  if (reason === undefined) process.exitCode = reenter();
  else process.stdout.write(`skipped: ${reason}\n`);
}

function progress(what: string): void {
  process.stderr.write(`${what}\n`);
}

const http = new Command("http")
  .description("requests a second over the TUN device, against node:http and node:cluster in the same run")
  .option("--connections <n>", "keep-alive connections", count, 64)
  .option("--pipelining <n>", "requests that a connection has on their way", count, 1)
  .option("--seconds <n>", "seconds of load for each figure of a round", count, 5)
  .option("--rounds <n>", "rounds, of which the median counts", count, 3)
  .option("--workers <n,…>", "workers of the farms to measure", counts, [1, 2])
  .option("--json", "print JSON")
  .action((options) =>
    inNamespace(async () => {
      const figures = await runHttp(options, progress);
      print("http", options, figures, () =>
        figures.flatMap((figure) =>
          (["autocannon", "wrk"] as const).flatMap((load) => {
            const seen = figure[load];
            if (seen === undefined) return [];
            return {
              server: figure.server,
              "workers reached": figure.workersReached ?? "-",
              load,
              "requests/s": seen.requestsPerSecond,
              "× node:http": seen.ratio.toFixed(2),
              "p50 ms": (seen.p50Us / 1000).toFixed(2),
              "p99 ms": (seen.p99Us / 1000).toFixed(2),
              "server µs/request": seen.serverUsPerRequest.toFixed(1),
              failures: seen.failures,
            };
          }),
        ),
      );
    }),
  );

const throughput = new Command("throughput")
  .description(
    "one large download over the TUN device, against nginx and node:http over the kernel's loopback",
  )
  .option("--megabytes <n>", "size of the download in 10^6 bytes", count, 1000)
  .option("--rounds <n>", "rounds, of which the median counts", count, 5)
  .option("--json", "print JSON")
  .action((options) =>
    inNamespace(async () => {
      const figures = await runThroughput(options, progress);
      print("throughput", options, figures, () =>
        figures.map((figure) => ({
          server: figure.server,
          client: figure.client,
          "MB/s": figure.megabytesPerSecond.toFixed(0),
          slowest: figure.slowest.toFixed(0),
          fastest: figure.fastest.toFixed(0),
          "× the first": figure.ratio.toFixed(2),
          "server µs/MB": figure.serverUsPerMegabyte.toFixed(0),
        })),
      );
    }),
  );

const goodput = new Command("goodput")
  .description("downloads over a path that loses packets, against the kernel's Reno over the same path")
  .option("--loss <percent,…>", "packets lost in each direction, in percent", percents, [0.1, 1, 5])
  .option("--rtt-ms <n,…>", "round trip of the path itself in ms", countsOrNone, [0, 10])
  .option("--megabytes <n>", "size of a download in 10^6 bytes, at most 60", count, 10)
  .option("--rounds <n>", "rounds, of which the median counts", count, 5)
  .option("--seed <n>", "seed of the faults; each round has the next", count, 1)
  .option("--json", "print JSON")
  .action((options) =>
    inNamespace(async () => {
      const figures = await runGoodput(options, progress);
      print("goodput", options, figures, () =>
        figures.map((figure) => ({
          "loss %": figure.lossPercent,
          "round trip ms": figure.rttMs,
          "limpet MB/s": figure.limpetMegabytesPerSecond.toFixed(2),
          "Reno MB/s": figure.renoMegabytesPerSecond.toFixed(2),
          "× Reno": figure.ratio.toFixed(2),
          lowest: figure.lowestRatio.toFixed(2),
          highest: figure.highestRatio.toFixed(2),
        })),
      );
    }),
  );

const flood = new Command("flood")
  .description(
    "what floods of forged SYNs and ACKs over the TUN device do to real clients, and what they cost",
  )
  .option("--floods <kind,…>", FLOODS.join(", "), someOf(FLOODS), [...FLOODS])
  .option("--packets-per-second <n>", "forged packets", count, 100_000)
  .option("--seconds <n>", "seconds of each load under each flood", count, 20)
  .option("--workers <n>", "workers of the farm", count, 2)
  .option("--connections <n>", "connections that are kept", count, 32)
  .option(
    "--new-clients <n>",
    "clients a second that were never seen, an address and a connection each",
    count,
    200,
  )
  .option("--new-connections <n>", "new connections a second from one address", count, 1000)
  .option("--ports <n>", "ports that these are made from", count, 512)
  .option("--seed <n>", "seed of the forged packets", count, 1)
  .option("--json", "print JSON")
  .action((options) =>
    inNamespace(async () => {
      const figures = await runFlood(options, progress);
      print("flood", options, figures, () =>
        figures.map((figure) => ({
          flood: figure.flood,
          load: figure.load,
          "requests/s": figure.requestsPerSecond.toFixed(0),
          "p99 ms": (figure.p99Us / 1000).toFixed(1),
          "connect max ms": figure.connectMaxUs === undefined ? "-" : (figure.connectMaxUs / 1000).toFixed(1),
          failures: figure.failures,
          "flood packets/s": figure.floodPacketsPerSecond.toFixed(0),
          "lost packets/s": figure.lostPacketsPerSecond.toFixed(0),
          "generator cores": figure.generator.toFixed(2),
          director: figure.director.toFixed(2),
          workers: figure.workers.toFixed(2),
          "RSS MiB": figure.residentMib.toFixed(0),
          flows: figure.flows,
          sources: figure.sources,
          "cookies sent": figure.counted["cookies sent"] ?? 0,
          accepted: figure.counted["cookies accepted"] ?? 0,
          rejected: figure.counted["cookies rejected"] ?? 0,
          "syn-limited": figure.counted["syn-limited"] ?? 0,
        })),
      );
    }),
  );

const policyNames = Object.keys(POLICIES) as PolicyName[];

const balance = new Command("balance")
  .description(
    "how evenly each policy loads the workers, and what moves when one comes or goes, by simulation",
  )
  .option("--workers <n,…>", "workers of the simulated farms", farmSizes(1), [2, 4, 8, 16, 64])
  .option("--traffic <kind,…>", BALANCE_TRAFFIC.join(", "), someOf(BALANCE_TRAFFIC), [...BALANCE_TRAFFIC])
  .option("--policies <name,…>", policyNames.join(", "), someOf(policyNames), policyNames)
  .option("--seconds <n>", "simulated seconds of the measurement", count, 20)
  .option("--rounds <n>", "runs of each figure, each with the next seed", count, 5)
  .option("--spill-flows <n>", "flows from which on a source may spill, in zipf-spill", count, 16)
  .option("--slow-start-ms <n>", "time in which a new worker grows to its full weight", countOrNone, 10_000)
  .option("--seed <n>", "seed of traffic and flow hash", count, 1)
  .option("--json", "print JSON")
  .action((options) => {
    const figures = runBalance(options);
    const percent = (part: number) => `${(part * 100).toFixed(1)} %`;
    print("balance", options, figures, () =>
      figures.map((figure) => ({
        traffic: figure.traffic,
        workers: figure.workers,
        policy: figure.policy,
        variation: figure.variation.toFixed(3),
        "max/mean": figure.maxToMean.toFixed(2),
        "burst max-min": figure.burstSpread,
        spilled: percent(figure.spilled),
        "leaver's flows": percent(figure.leaverFlows),
        "leaver's sources": percent(figure.leaverSources),
        "newcomer's new sources": `${figure.newcomerSources.toFixed(2)} ×`,
        "newcomer's share after s": figure.newcomerMs === null ? "-" : (figure.newcomerMs / 1000).toFixed(1),
        unexpected: figure.unexpected,
      })),
    );
  });

const hashing = new Command("hashing")
  .description("the hash policy's rendezvous hashing against a Maglev table")
  .option("--sources <n>", "sources to spread, and choices to time in a round", count, 1_000_000)
  .option("--workers <n,…>", "workers to choose from", farmSizes(2), [2, 4, 8, 64])
  .option("--rounds <n>", "rounds of timing, of which the median counts", count, 5)
  .option("--seed <n>", "seed of the sources' hash", count, 1)
  .option("--json", "print JSON")
  .action((options) => {
    const figures = runHashing(options);
    print("hashing", options, figures, () =>
      figures.map((figure) => ({
        method: figure.method,
        workers: figure.workers,
        "ns/choice": figure.nsPerChoice.toFixed(1),
        "max/mean": figure.maxToMean.toFixed(4),
        "moved when one leaves": `${(figure.moved * 100).toFixed(2)} %`,
        ideal: `${(100 / figure.workers).toFixed(2)} %`,
        needlessly: `${(figure.movedNeedlessly * 100).toFixed(2)} %`,
        "ready after ms": figure.readyMs.toFixed(2),
      })),
    );
  });

const congestion = new Command("congestion")
  .description("goodput, response times and fairness of the workers' TCP over a lossy path, by simulation")
  .option("--algorithms <name,…>", CONGESTION_CONTROLS.join(", "), someOf(CONGESTION_CONTROLS), [
    ...CONGESTION_CONTROLS,
  ])
  .option("--loss-percent <n,…>", "packets lost by chance", percents, [0, 0.1, 1, 5])
  .option("--round-trip-ms <n,…>", "delay of the path, both ways", counts, [1, 20, 100])
  .option("--megabits-per-second <n>", "bandwidth of the path", count, 100)
  .option("--seconds <n>", "simulated seconds of a transfer", count, 20)
  .option(
    "--rounds <n>",
    "runs of each transfer, each with the next seed, of which the median counts",
    count,
    5,
  )
  .option("--responses <n>", "responses of each size", count, 2000)
  .option("--response-kib <n,…>", "sizes of responses", counts, [1, 16, 128])
  .option("--seed <n>", "seed of losses and delays", count, 1)
  .option("--json", "print JSON")
  .action((options) => {
    const figures = runCongestion(options);
    const path = ({ roundTripMs, lossPercent }: { roundTripMs: number; lossPercent: number }) => ({
      "round trip ms": roundTripMs,
      "loss %": lossPercent,
    });
    print("congestion", options, figures, () =>
      figures.transfers.map((figure) => ({
        "one flow": figure.algorithm,
        ...path(figure),
        "goodput Mbit/s": figure.goodput.toFixed(2),
        timeouts: figure.timeouts,
        "dropped by the queue": `${(figure.dropped * 100).toFixed(2)} %`,
        "sent needlessly": `${(figure.needless * 100).toFixed(2)} %`,
      })),
    );
    if ("json" in options) return;
    const responses = figures.responses.map((figure) => ({
      responses: figure.algorithm,
      ...path(figure),
      KiB: figure.kib,
      "mean ms": figure.meanMs.toFixed(1),
      "p50 ms": figure.p50Ms.toFixed(1),
      "p99 ms": figure.p99Ms.toFixed(1),
    }));
    const sharing = figures.sharing.map((figure) => ({
      "two flows": `${figure.first}, then ${figure.second}`,
      "round trip ms": figure.roundTripMs,
      "second's part × first's": figure.ratio.toFixed(2),
      "goodput Mbit/s": figure.goodput.toFixed(2),
    }));
    process.stdout.write(`\n${formatTable(responses)}\n${formatTable(sharing)}`);
  });

const connections = new Command("connections")
  .description("bytes that an open and idle connection costs a worker")
  .option("--connections <n>", "connections to open", count, 100_000)
  .option("--json", "print JSON")
  .action(async (options) => {
    const figures = await runConnections(options);
    print("connections", options, figures, () =>
      figures.map((figure) => ({
        what: figure.what,
        "heap bytes": figure.heapBytes.toFixed(0),
        "bytes in arrays": figure.arrayBytes.toFixed(0),
        "µs to open and ask once": figure.openUs.toFixed(1),
      })),
    );
  });

const sessions = new Command("sessions")
  .description("durable writes by concurrency, queries for many misses, cached reads, hits by cache size")
  .option("--clients <n,…>", "clients that write at once", counts, [1, 16, 64, 256])
  .option("--seconds <n>", "seconds of writing for each figure of a round", count, 3)
  .option("--rounds <n>", "rounds, of which the median counts", count, 3)
  .option("--state-bytes <n>", "bytes of a session's state", count, 500)
  .option("--misses <n>", "sessions that are missed at once", count, 10_000)
  .option("--reads <n>", "cached reads over HTTP", count, 1_000)
  .option("--cache-mib <n,…>", "sizes of a worker's cache", counts, [1, 4, 16, 64, 128])
  .option("--sessions <n>", "sessions that the cache is asked for, by Zipf's law", count, 100_000)
  .option("--folder <path>", "where the database is made, which says on what disk")
  .option("--seed <n>", "seed of what the cache is asked for", count, 1)
  .option("--json", "print JSON")
  .action(async (options) => {
    const figures = await runSessions(options);
    print("sessions", options, figures, () => [
      ...figures.writes.map((figure) => ({
        what: `durable writes, ${figure.clients} at once`,
        figure: `${figure.writesPerSecond.toFixed(0)}/s`,
        "× the first": figure.ratio.toFixed(1),
        "a transaction": figure.writesPerTransaction.toFixed(1),
        "p50 ms": (figure.p50Us / 1000).toFixed(2),
        "p99 ms": (figure.p99Us / 1000).toFixed(2),
      })),
      ...figures.httpWrites.map((figure) => ({
        what: `… over HTTP, ${figure.load}, ${figure.clients} at once`,
        figure: `${figure.writesPerSecond.toFixed(0)}/s`,
        "× the first": figure.ratio.toFixed(1),
        "a transaction": "",
        "p50 ms": (figure.p50Us / 1000).toFixed(2),
        "p99 ms": (figure.p99Us / 1000).toFixed(2),
      })),
      sessionsRow(`${figures.misses.misses} misses at once`, `${figures.misses.statements} queries`),
      sessionsRow(`${figures.reads.reads} cached reads`, `${figures.reads.statements} queries`),
      ...figures.cache.map(({ cacheMib, held, hitRatio }) =>
        sessionsRow(`hits, ${cacheMib} MiB, ${held} sessions held`, `${(hitRatio * 100).toFixed(1)} %`),
      ),
    ]);
  });

function sessionsRow(what: string, figure: string): Record<string, string> {
  return { what, figure, "× the first": "", "a transaction": "", "p50 ms": "", "p99 ms": "" };
}

const program = new Command("bench")
  .description("limpet's benchmarks, one question each")
  .addCommand(dispatch)
  .addCommand(http)
  .addCommand(throughput)
  .addCommand(goodput)
  .addCommand(flood)
  .addCommand(balance)
  .addCommand(hashing)
  .addCommand(congestion)
  .addCommand(connections)
  .addCommand(sessions);
await program.parseAsync();
