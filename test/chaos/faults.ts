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
  /** Another program keeps the farm from writing: SQLite's file, or PostgreSQL's table of sessions, is locked. */
  "database-lock",
  /** The disk with the database is full. */
  "disk-full",
  /** The server stops as in a crash, and is started again. */
  "database-stop",
  /** SIGKILL for one of the farm's backends: the server ends all the others, too, and recovers. */
  "database-kill",
  /** The server does what COMMIT says, and hangs up before it says so: the farm cannot know. */
  "database-hang-up",
  /** SIGHUP: all workers and the storage thread are replaced. No fault, and no request should fail of it. */
  "reload",
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export const DATABASES = ["sqlite", "postgres"] as const;
export type DatabaseName = (typeof DATABASES)[number];

/** The kinds that only one of the databases has. */
const ONLY_OF: Partial<Record<FaultKind, DatabaseName>> = {
  "disk-full": "sqlite",
  "database-stop": "postgres",
  "database-kill": "postgres",
  "database-hang-up": "postgres",
};

/** The kinds that a farm on this database can suffer. */
export function kindsOf(database: DatabaseName): FaultKind[] {
  return FAULT_KINDS.filter((kind) => (ONLY_OF[kind] ?? database) === database);
}

export interface Fault {
  readonly kind: FaultKind;
  /** Pause before it, from the recovery of the one before. */
  readonly waitMs: number;
  /** How long it lasts; 0 for most kinds. */
  readonly durationMs: number;
  /** The next one comes on top: it waits neither for this one's end nor until all is well again. */
  readonly isOverlapping: boolean;
  /** Whose request brings it, for the kinds that come by a request: a client's number. */
  readonly client: number;
}

const MAX_WAIT_MS = 250;
const OVERLAPPING = 0.2;

interface Range {
  readonly least: number;
  readonly most: number;
}

const DURATION_MS: Partial<Record<FaultKind, Range>> = {
  "process-stop": { least: 300, most: 1500 },
  // From what nobody notices to longer than the storage (2 s a statement) and a worker (5 s) wait.
  "database-lock": { least: 100, most: 6000 },
  "disk-full": { least: 300, most: 3000 },
  "database-stop": { least: 0, most: 3000 },
  "database-hang-up": { least: 0, most: 1000 },
};

/** Each of `kinds` as often as the others, in shuffled rounds: a short schedule has all of them, too. */
export function planFaults(
  seed: number,
  count: number,
  clients: number,
  kinds: readonly FaultKind[],
): Fault[] {
  const random = new Random(seed);
  const between = ({ least, most }: Range) => least + random.below(most - least + 1);
  let round: FaultKind[] = [];
  return Array.from({ length: count }, () => {
    if (round.length === 0) round = [...kinds];
    const [kind] = round.splice(random.below(round.length), 1) as [FaultKind];
    return {
      kind,
      waitMs: random.below(MAX_WAIT_MS),
      durationMs: between(DURATION_MS[kind] ?? { least: 0, most: 0 }),
      isOverlapping: random.fraction() < OVERLAPPING,
      client: random.below(clients),
    };
  });
}
