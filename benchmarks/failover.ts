// A thread dies: when are its clients served again, and do the others notice? Keep-alive clients, each at an address of its own and
// with a session, ask a farm in a process of its own; one request then ends the worker that serves it, or the storage thread.
// Must run in a network namespace of its own.
//
// The dying thread notes the time as its last act (peers/failing-app.ts), so that the failure's being noticed is part of what is
// measured. A client is served again at its first answer to a request that it sent after that: one that was on its way may have
// been answered before. Clients come from fresh addresses for each death, and so are shared out among the workers anew.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEATH_KINDS, type DeathKind } from "./peers/failing-app.js";
import type { Benchmark } from "./support/benchmark.js";
import { type Death, DyingFarm, type DyingFarmOptions, LINKS, type Link } from "./support/dying-farm.js";
import { count, countUpTo, secondsOrNone, someOf } from "./support/parameters.js";
import type { Progress } from "./support/progress.js";
import { median, type Spread, spreadOf, spreadText } from "./support/spread.js";

export interface FailoverOptions extends DyingFarmOptions {
  readonly links: readonly Link[];
  readonly kinds: readonly DeathKind[];
  /** Of each kind on each link. */
  readonly deaths: number;
}

export interface FailoverFigure {
  readonly link: Link;
  readonly kind: DeathKind;
  readonly deaths: number;
  /** Clients that a death has hit: the worker's, or all. */
  readonly clients: Spread;
  /** From a death to the next answer: of each death's middle client, and of its slowest. */
  readonly middleMs: Spread;
  readonly slowestMs: Spread;
  /** Requests that failed, for each client that was hit. */
  readonly failuresPerClient: Spread;
  /** The longest time between two answers to a client of another worker, until the farm was whole again; and while nobody had died. */
  readonly othersGapMs?: Spread;
  readonly quietGapMs: Spread;
  /** Requests of such clients that failed, of all deaths. */
  readonly othersFailures: number;
  /** Counts of sessions, of all deaths, that were not what their clients had been told. */
  readonly wrongCounts: number;
}

export async function runFailover(options: FailoverOptions, progress: Progress): Promise<FailoverFigure[]> {
  progress.expect(options.links.length * options.deaths * options.kinds.length);
  const figures: FailoverFigure[] = [];
  for (const link of options.links) figures.push(...(await measureLink(link, options, progress)));
  return figures;
}

async function measureLink(
  link: Link,
  options: FailoverOptions,
  progress: Progress,
): Promise<FailoverFigure[]> {
  const folder = mkdtempSync(join(tmpdir(), "limpet-bench-failover-"));
  const farm = new DyingFarm(link, options, folder);
  const seen = options.kinds.map((): Death[] => []);
  try {
    await farm.start();
    // Kinds in turn: while one thread rests, another dies.
    for (let death = 1; death <= options.deaths; death++) {
      for (const [i, kind] of options.kinds.entries()) {
        progress.next(`${link}: ${kind} ${death} of ${options.deaths}`);
        seen[i]!.push(await farm.die(kind));
      }
    }
    // What was acknowledged is asked of a farm that has nothing but the database.
    await farm.stop();
    await farm.start();
    const lost = await farm.countWrong();
    return options.kinds.map((kind, i) => summarize(link, kind, seen[i]!, lost));
  } finally {
    await farm.stop();
    rmSync(folder, { recursive: true });
  }
}

function summarize(link: Link, kind: DeathKind, deaths: readonly Death[], lost: number): FailoverFigure {
  const of = (figure: (death: Death) => number) => spreadOf(deaths.map(figure));
  const sum = (figure: (death: Death) => number) => deaths.reduce((all, death) => all + figure(death), 0);
  const gaps = deaths.flatMap(({ othersGapMs }) => othersGapMs ?? []);
  return {
    link,
    kind,
    deaths: deaths.length,
    clients: of(({ recoveriesMs }) => recoveriesMs.length),
    middleMs: of(({ recoveriesMs }) => median(recoveriesMs)),
    slowestMs: of(({ recoveriesMs }) => Math.max(...recoveriesMs)),
    failuresPerClient: of(({ failures, recoveriesMs }) => failures / recoveriesMs.length),
    ...(gaps.length > 0 && { othersGapMs: spreadOf(gaps) }),
    quietGapMs: of(({ quietGapMs }) => quietGapMs),
    othersFailures: sum(({ othersFailures }) => othersFailures),
    wrongCounts: lost + sum(({ wrongCounts }) => wrongCounts),
  };
}

/** A minute: for longer nobody waits until all clients have been answered. */
const MAX_PAUSE_MS = 60_000;

export const failover: Benchmark<FailoverOptions, FailoverFigure[]> = {
  name: "failover",
  question: "from the death of a worker or of the storage thread to its clients' next answers",
  isInNamespace: true,
  options: (command) =>
    command
      .option("--links <link,…>", LINKS.join(", "), someOf(LINKS), [...LINKS])
      .option("--kinds <kind,…>", DEATH_KINDS.join(", "), someOf(DEATH_KINDS), [...DEATH_KINDS])
      .option("--deaths <n>", "deaths of each kind on each link", count, 10)
      .option("--clients <n>", "keep-alive clients, an address and a session each", count, 16)
      .option("--workers <n>", "workers of the farm", count, 2)
      .option("--pause-ms <n>", "pause of a client after each answer", countUpTo(MAX_PAUSE_MS), 5)
      .option("--rest-seconds <n>", "rest of a thread before it dies again", secondsOrNone, 11)
      .option("--seed <n>", "seed of whose request brings a death", count, 1),
  run: runFailover,
  tables: (figures) => [
    figures.map((figure) => ({
      link: figure.link,
      death: figure.kind,
      "clients hit": spreadText(figure.clients),
      "served again, middle client, ms": spreadText(figure.middleMs, 1),
      "slowest, ms": spreadText(figure.slowestMs, 1),
      "failures a client": spreadText(figure.failuresPerClient, 1),
      "others' longest gap ms": figure.othersGapMs === undefined ? "-" : spreadText(figure.othersGapMs, 1),
      "before ms": spreadText(figure.quietGapMs, 1),
      "others' failures": figure.othersFailures,
      "wrong counts": figure.wrongCounts,
    })),
  ],
  notes: [
    "In each row: the median of the deaths, and in brackets the least and the most.",
    "A worker that hangs is noticed after --hang-seconds of the farm (1 s), a storage thread after 8 s.",
  ],
};
