// The workers of a farm as a table, for the commands that show them.

import type { WorkerStatus } from "../farm-status.js";
import { type Column, printable, renderTable } from "./table.js";

const COLUMNS: readonly Column[] = [
  { name: "worker", align: "right" },
  { name: "state", align: "left" },
  { name: "weight", align: "right" },
  { name: "flows", align: "right" },
  { name: "sources", align: "right" },
  { name: "in flight", align: "right" },
  { name: "connections", align: "right" },
  { name: "requests", align: "right" },
  { name: "failures", align: "right" },
];

export function workerTable(workers: readonly WorkerStatus[], hasColors: boolean): string {
  const rows = workers.map((one) => [
    one.worker,
    one.state,
    one.weight,
    one.flows,
    one.sources,
    one.inFlight,
    one.connections,
    one.requests,
    one.failures,
  ]);
  return renderTable(COLUMNS, rows, hasColors);
}

/** A line for each worker that has failed. */
export function failuresOf(workers: readonly WorkerStatus[]): string {
  return workers
    .filter(({ lastFailure }) => lastFailure !== undefined)
    .map(({ worker, lastFailure }) => `worker ${worker} failed last: ${printable(lastFailure!)}\n`)
    .join("");
}
