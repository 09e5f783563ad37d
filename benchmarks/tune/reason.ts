// Why a setting is recommended, in one or two sentences, and what there is to doubt: from the figures alone. Pure.

import { MAX_WORKERS } from "../../core/memory/load-board.js";
import type { Recommendation, Setting, SettingFigure } from "./figures.js";
import { candidateOf } from "./figures.js";
import { excess, findKnee, isWorthIt, LARGE_GAIN } from "./knee.js";

/**
 * What keeps a setting from more: the cores, the director's thread, the load generator, what the app waits for, other programs that
 * have the cores, or that no more is asked for.
 */
export type Limit = "cores" | "director" | "client" | "waiting" | "others" | "load";

/** A thread that is busy for so much of the time is at its end. */
const BUSY_THREAD = 0.85;
/** Workers that want a core for more of the time than this burn it; for less than that, they wait. */
const BURNS = 0.75;
const WAITS = 0.6;
/** Cores that others take, of all, and rounds that differ, of their median: from here on it is worth a word. */
const DISTURBED = 0.1;
const UNSTEADY = 0.3;
const MOST = 0.5;
/** What is rounded to nothing. */
const NO_DIFFERENCE = 0.005;

/** `figures` in the order of their price. */
export function recommend(figures: readonly SettingFigure[], cores: number): Recommendation {
  const candidates = figures.map(candidateOf);
  const knee = findKnee(candidates);
  const chosen = figures[knee]!;
  const limit = limitOf(figures, knee, cores);
  const isSwept = (of: (setting: Setting) => unknown) => new Set(figures.map(of)).size > 1;
  // "4 workers", or, where that is not all, "4 workers with hash".
  const name = (one: SettingFigure) => {
    const further = [
      ...(isSwept((of) => of.policy) ? [one.policy] : []),
      ...(isSwept((of) => of.cacheMib) ? [`${one.cacheMib} MiB`] : []),
    ];
    return `${counted(one.workers, "worker")}${further.length === 0 ? "" : ` with ${further.join(" and ")}`}`;
  };
  const { workers, policy, cacheMib } = chosen;
  const isLast = !figures.slice(knee + 1).some((one) => isOfKind(one, chosen));
  return {
    workers,
    policy,
    cacheMib,
    limit,
    reason: `${name(chosen)}: ${comparison(figures, knee, name)}; ${causeOf(limit, chosen, { cores, isLast })}.`,
    doubts: [
      ...doubtsAbout(figures, chosen, cores),
      ...(limit === "client" ? [] : doubtAboutClient(figures.slice(knee + 1), cores)),
    ],
  };
}

export function limitOf(figures: readonly SettingFigure[], knee: number, cores: number): Limit {
  const chosen = figures[knee]!;
  const [director, workers, client] = [
    chosen.director.median,
    chosen.workerThreads.median,
    chosen.client.median,
  ];
  const wanted = chosen.workersWanted.median;
  if (wanted >= BURNS && workers >= client) return "cores";
  if (director >= BUSY_THREAD) return "director";
  // Before what can only be known of workers who are asked for all that they have.
  if (isAtItsEnd(chosen, cores)) return "client";
  const gains = figures
    .slice(0, knee)
    .some((fewer) => fewer.workers < chosen.workers && isWorthIt(candidateOf(chosen), candidateOf(fewer)));
  if (gains && wanted < WAITS) return "waiting";
  if (chosen.others.median >= MOST * cores) return "others";
  if (client >= workers && coresBusy(chosen) >= BUSY_THREAD * cores) return "client";
  return coresBusy(chosen) >= BUSY_THREAD * cores ? "cores" : "load";
}

/** The load generator, whose thread has no time left, and not since others have it. */
function isAtItsEnd({ clientWanted, others }: SettingFigure, cores: number): boolean {
  return clientWanted.median >= BUSY_THREAD && others.median < MOST * cores;
}

/** Of everybody. */
export function coresBusy(one: SettingFigure): number {
  return (
    one.director.median +
    one.workerThreads.median +
    one.storage.median +
    one.client.median +
    one.others.median
  );
}

function comparison(
  figures: readonly SettingFigure[],
  knee: number,
  name: (one: SettingFigure) => string,
): string {
  const chosen = figures[knee]!;
  // More workers tell more than another policy does.
  const dearer = figures.slice(knee + 1).find((one) => isOfKind(one, chosen)) ?? figures[knee + 1];
  if (dearer !== undefined) return against(dearer, chosen, name);
  const cheaper = figures.slice(0, knee).findLast((one) => isOfKind(one, chosen)) ?? figures[knee - 1];
  if (cheaper === undefined) return "nothing else was tried";
  const further = [1, 2, 4].map((times) => Math.min(MAX_WORKERS, times * chosen.workers));
  const rest = ` (more were not tried: --workers ${[...new Set(further)].join(",")})`;
  return `${against(cheaper, chosen, name)}${chosen.workers < MAX_WORKERS ? rest : ""}`;
}

/** But for the number of workers. */
function isOfKind(one: Setting, other: Setting): boolean {
  return one.policy === other.policy && one.cacheMib === other.cacheMib;
}

/** "4 workers give 3 % more requests/s for 40 % more p99". */
function against(one: SettingFigure, other: SettingFigure, name: (one: SettingFigure) => string): string {
  const gain = excess(one.undisturbedPerSecond, other.undisturbedPerSecond);
  const cost = excess(one.undisturbedP99Us, other.undisturbedP99Us);
  const rate = Math.abs(gain) < NO_DIFFERENCE ? "as many" : share(gain, "more", "fewer");
  const p99 = Math.abs(cost) < NO_DIFFERENCE ? "the same" : share(cost, "more", "less");
  return `${name(one)} give${one.workers === 1 ? "s" : ""} ${rate} requests/s ${gain * cost > 0 ? "for" : "with"} ${p99} p99`;
}

function share(part: number, more: string, less: string): string {
  if (part >= 1) return `${Number.isFinite(part) ? (part + 1).toFixed(1) : "infinitely many"} times the`;
  return `${Math.round(Math.abs(part) * 100)} % ${part > 0 ? more : less}`;
}

/** `isLast`: more workers were not tried. */
function causeOf(
  limit: Limit,
  one: SettingFigure,
  { cores, isLast }: { readonly cores: number; readonly isLast: boolean },
): string {
  const wants = `a worker wants a core ${percent(one.workersWanted.median)} of the time`;
  const inUse = `the cores are busy ${percent(Math.min(1, coresBusy(one) / cores))}${
    one.others.median >= DISTURBED * cores
      ? ` (${percent(one.others.median / cores)} with other programs)`
      : ""
  }`;
  switch (limit) {
    case "cores":
      if (coresBusy(one) >= BUSY_THREAD * cores)
        return `${inUse} and ${wants}: the app burns CPU, and there is no more of it`;
      return isLast
        ? `${wants}, ${inUse}: the app burns CPU, and cores are left`
        : `${wants}, ${inUse}: what more workers take is missed elsewhere (in cores: ${shares(one)})`;
    case "director":
      return `the director's thread is busy ${percent(one.director.median)}: no number of workers gets more through it`;
    case "client":
      if (one.client.median < one.workerThreads.median)
        return `the load generator's one thread wants a core ${percent(one.clientWanted.median)} of the time: it cannot ask for more`;
      return `the load generator takes more of the cores (${one.client.median.toFixed(1)}) than the workers (${one.workerThreads.median.toFixed(1)}): this machine cannot ask for more`;
    case "waiting":
      return `${wants}, ${inUse}: the app waits, and more workers wait side by side`;
    case "others":
      return `${inUse}: what the farm could do without them is not to be known`;
    case "load":
      return `${wants}, ${inUse}: the load asks for no more, or all workers wait for the same (a database, a backend)`;
  }
}

function shares({ director, workerThreads, storage, client }: SettingFigure): string {
  const parts = { director, workers: workerThreads, storage, client };
  return Object.entries(parts)
    .map(([name, { median }]) => `${name} ${median.toFixed(1)}`)
    .join(", ");
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}

function doubtsAbout(figures: readonly SettingFigure[], chosen: SettingFigure, cores: number): string[] {
  const doubts: string[] = [];
  const others = Math.max(...figures.map((one) => one.others.median));
  if (others >= DISTURBED * cores) {
    doubts.push(
      `Other programs took up to ${others.toFixed(1)} of the ${counted(cores, "core")}; where workers were short of them, settings are compared by what they would have done without.`,
    );
  }
  const { median, lowest, highest } = chosen.requestsPerSecond;
  if (highest - lowest > UNSTEADY * median && median > 0) {
    doubts.push(
      `Its rounds differ by ${percent((highest - lowest) / median)}: more --rounds, or a quieter machine, make it surer.`,
    );
  }
  const faster = figures.find(
    (one) =>
      one.failureShare > chosen.failureShare &&
      excess(one.undisturbedPerSecond, chosen.undisturbedPerSecond) >= LARGE_GAIN,
  );
  if (faster !== undefined)
    doubts.push(`${counted(faster.workers, "worker")} would be faster, but requests failed.`);
  if (chosen.failures > 0)
    doubts.push(`${counted(chosen.failures, "request")} failed, the first: ${chosen.firstFailure}.`);
  if (figures.some(({ workerFailures }) => workerFailures > 0)) {
    doubts.push(
      "Workers failed or hung and were replaced: handlers that block for long need a larger --hang-seconds.",
    );
  }
  if (chosen.idleWorkers > 0) {
    doubts.push(
      `${counted(chosen.idleWorkers, "worker")} had no request: the load has too few sources, try more --connections.`,
    );
  }
  return doubts;
}

/** `dearer`: what was not chosen, perhaps because nobody could ask it for more. */
function doubtAboutClient(dearer: readonly SettingFigure[], cores: number): string[] {
  const starved = dearer.find((one) => isAtItsEnd(one, cores) && one.workersWanted.median < BURNS);
  if (starved === undefined) return [];
  return [
    `With ${counted(starved.workers, "worker")} the client's one thread was at its end (it wants a core ${percent(starved.clientWanted.median)} of the time): they may be able to do more than it could ask for.`,
  ];
}

export function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}
