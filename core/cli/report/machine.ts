// The machine that figures were taken on, as facts of a report: what a figure is worth depends on it.

import { availableParallelism, cpus, release, totalmem } from "node:os";

export interface MachineFacts {
  readonly node: string;
  readonly system: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
}

export function machineFacts(): MachineFacts {
  return {
    node: process.version,
    system: `${process.platform} ${release()}`,
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
  };
}
