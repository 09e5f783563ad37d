// `npm run bench -- NAME`: runs a benchmark and prints its figures, for people or, with --json, for programs. Everything is
// bounded in time and leaves nothing behind.

import { Command, InvalidArgumentError } from "commander";
import { runDispatch, TRAFFIC, type Traffic } from "./dispatch.js";
import { runHttp } from "./http.js";
import { describeMachine, formatTable } from "./support/machine.js";
import { isInside, reenter, refusal } from "./support/namespace.js";

/** Before any load of our own. */
const machine = describeMachine();

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It takes a whole number above 0.");
  return value;
}

function counts(text: string): number[] {
  return text.split(",").map(count);
}

function kinds(text: string): Traffic[] {
  return text.split(",").map((name) => {
    const kind = TRAFFIC.find((one) => one === name);
    if (kind === undefined) throw new InvalidArgumentError(`It takes some of ${TRAFFIC.join(", ")}.`);
    return kind;
  });
}

function print(
  benchmark: string,
  options: object,
  figures: readonly object[],
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
  .option("--traffic <kind,…>", TRAFFIC.join(", "), kinds, [...TRAFFIC])
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

const http = new Command("http")
  .description("requests a second over the TUN device, against node:http and node:cluster in the same run")
  .option("--connections <n>", "keep-alive connections", count, 64)
  .option("--pipelining <n>", "requests that a connection has on their way", count, 1)
  .option("--seconds <n>", "seconds of load for each figure of a round", count, 5)
  .option("--rounds <n>", "rounds, of which the median counts", count, 3)
  .option("--workers <n,…>", "workers of the farms to measure", counts, [1, 2])
  .option("--json", "print JSON")
  .action(async (options) => {
    if (!isInside()) {
      const reason = refusal();
      if (reason === undefined) process.exitCode = reenter();
      else process.stdout.write(`skipped: ${reason}\n`);
      return;
    }
    const figures = await runHttp(options, (what) => process.stderr.write(`${what}\n`));
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
  });

const program = new Command("bench")
  .description("limpet's benchmarks, one question each")
  .addCommand(dispatch)
  .addCommand(http);
await program.parseAsync();
