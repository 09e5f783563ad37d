// What is broken, and when: a schedule that follows from its seed alone. (How it meets the requests is real time's business, and
// no two runs are the same in that.)

import { Random } from "../../benchmarks/support/random.js";

export const FAULT_KINDS = [
  /** A worker ends in the middle of a request. */
  "worker-exit",
  /** … once the request's change is on its way to the storage. */
  "worker-exit-committing",
  "worker-throw-committing",
  /** A worker gets into an endless loop. */
  "worker-hang",
  "worker-hang-committing",
  /** The storage thread dies of an exception. */
  "storage-end",
  /** A procedure gets into an endless loop. */
  "storage-hang",
  /** SIGKILL for the whole process, which is then started again. */
  "process-kill",
  /** SIGSTOP for the whole process, and SIGCONT. */
  "process-stop",
  /** Another process has a transaction open that writes. */
  "database-lock",
  /** SIGHUP: all workers and the storage thread are replaced. No fault, and no request should fail of it. */
  "reload",
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** Pause before it, from the recovery of the one before. */
  readonly waitMs: number;
  /** How long it lasts: of "process-stop" and "database-lock". */
  readonly durationMs: number;
  /** The next one does not wait until all is well again. */
  readonly isOverlapping: boolean;
  /** Whose request brings it, for the kinds that come by a request: a client's number. */
  readonly client: number;
}

const MAX_WAIT_MS = 250;
const OVERLAPPING = 0.2;
const STOP_MS = { least: 300, most: 1500 };
/** From what nobody notices to longer than the storage (2 s a statement) and a worker (5 s) wait. */
const LOCK_MS = { least: 100, most: 6000 };

/** Each of the kinds as often as the others, in shuffled rounds: a short schedule has all of them, too. */
export function planFaults(
  seed: number,
  count: number,
  clients: number,
  kinds: readonly FaultKind[] = FAULT_KINDS,
): Fault[] {
  const random = new Random(seed);
  const between = ({ least, most }: { least: number; most: number }) =>
    least + random.below(most - least + 1);
  let round: FaultKind[] = [];
  return Array.from({ length: count }, () => {
    if (round.length === 0) round = [...kinds];
    const [kind] = round.splice(random.below(round.length), 1) as [FaultKind];
    return {
      kind,
      waitMs: random.below(MAX_WAIT_MS),
      durationMs:
        kind === "database-lock" ? between(LOCK_MS) : kind === "process-stop" ? between(STOP_MS) : 0,
      isOverlapping: random.fraction() < OVERLAPPING,
      client: random.below(clients),
    };
  });
}
