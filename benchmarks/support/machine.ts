// What a figure is worth depends on where it was measured: every benchmark prints this first.

import { execFileSync } from "node:child_process";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { version } from "../../core/farm.js";

export interface Machine {
  readonly limpet: string;
  readonly commit: string;
  readonly date: string;
  readonly node: string;
  readonly kernel: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  /** Threads that wanted a core in the last minute, before the benchmark: above 0 somebody else is at work. */
  readonly load: number;
}

export function describeMachine(): Machine {
  return {
    limpet: version,
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    kernel: `${process.platform} ${release()}`,
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    load: loadavg()[0]!,
  };
}

function commit(): string {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty", "--exclude", "*"], {
      cwd: new URL(".", import.meta.url),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "unknown";
  }
}
