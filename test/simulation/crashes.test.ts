// Nothing acknowledged is lost, and one session is one truth, whatever crashes: requests of a few clients on a few workers,
// several of them in flight, while workers and the whole process crash at any point of the database's work, the storage is
// replaced, caches and directory forget, and sessions end. session-model.ts says what answers and database may say.
//
// A run that fails prints its seed and path: `fc.assert` replays it if it is given both. (With sqlite3 not always: it works in
// a thread of its own, and takes as many turns of the event loop as it takes.)

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openDatabase } from "../../storage/database.js";
import { migrateApp, migrateLimpet } from "../../storage/migrations.js";
import { CheckedRun, type Command, STUBBORN, turnsPass } from "./checked-run.js";
import type { Victim } from "./crashing-farm.js";
import type { Step } from "./session-model.js";
import { migrations, type Pace } from "./stepping-app.js";

const CLIENTS = 3;
/** A run takes some 20 ms. */
const RUN_TIMEOUT_MS = 20_000;
/** On a machine that is too busy for all runs, and in the search for the shortest run that fails, there are as many as fit in. */
const TIME_LIMIT_MS = 60_000;

/** Plain objects, which are printed plainly. */
const record = <Fields>(fields: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> }) =>
  fc.record(fields, { noNullPrototype: true });
const kind = <Kind extends Command["kind"]>(name: Kind) => fc.constant(name);
const worker = fc.nat(2);
const client = fc.oneof(fc.constant(STUBBORN), fc.nat(CLIENTS - 1));
const ask = record({
  kind: kind("ask"),
  client,
  worker,
  step: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom<Step[]>("read", "set", "increment", "order") },
    fc.constantFrom<Step[]>("order-then-throw", "refused-order", "set-then-throw"),
    fc.constantFrom<Step[]>("regenerate", "login", "destroy"),
  ),
  pace: fc.oneof(
    { weight: 5, arbitrary: fc.constant<Pace>("at once") },
    { weight: 2, arbitrary: fc.constant<Pace>("later") },
    fc.constant<Pace>("held"),
  ),
});
const crash = record({
  kind: kind("crash"),
  victim: fc.oneof(fc.constant<Victim>("process"), { weight: 2, arbitrary: worker }),
  points: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20 })),
});
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 12, arbitrary: ask },
  { weight: 3, arbitrary: crash },
  record({ kind: kind("replace storage"), isOrderly: fc.boolean() }),
  record({ kind: kind("evict"), client, worker }),
  record({ kind: kind("crowd"), worker }),
  record({ kind: fc.constantFrom("sweep", "let go", "let go", "quiet") }),
  record({ kind: kind("pass"), minutes: fc.constantFrom(1, 6, 11, 16, 22, 31) }),
);
/** A command, and how many turns of the event loop pass after it. */
interface Move {
  readonly command: Command;
  readonly turns: number;
}

const move: fc.Arbitrary<Move> = record({ command, turns: fc.constantFrom(0, 0, 1, 1, 2, 4) });
/**
 * A worker crashes while its order is being made, or waits for another one, and a worker with the session in its cache goes on
 * with it at once. Left to chance, it happens too seldom.
 */
const takeover = record({ client, from: worker, to: worker, isWaiting: fc.boolean(), turns: fc.nat(8) }).map(
  ({ client, from, to, isWaiting, turns }): Move[] => {
    const asking = (client: number, worker: number, step: Step, turns: number): Move => ({
      command: { kind: "ask", client, worker, step, pace: "at once" },
      turns,
    });
    return [
      asking(client, to, "read", 6),
      ...(isWaiting ? [asking((client + 1) % CLIENTS, to, "order", 4)] : []),
      asking(client, from, "order", turns),
      { command: { kind: "crash", victim: from, points: 0 }, turns: 0 },
      asking(client, to, "increment", 0),
    ];
  },
);
const plan = fc.array(fc.oneof({ weight: 30, arbitrary: move.map((move) => [move]) }, takeover), {
  maxLength: 60,
  size: "max",
});
const setting = record({
  workers: fc.constantFrom(2, 3),
  // With one, every session waits for every other.
  stripes: fc.constantFrom(1, 1024),
  absoluteMinutes: fc.constantFrom(Number.POSITIVE_INFINITY, 40),
});

// In memory where there is a place for it: what a disk does is not in question here, and it is slow.
const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "limpet-crashes-"));
test.after(() => rmSync(folder, { recursive: true }));

/** A database in which nothing has happened yet. */
async function makeTemplate(): Promise<string> {
  const filename = join(folder, "template.db");
  const database = await openDatabase({ client: "sqlite3", filename, durability: "normal" });
  await migrateLimpet(database.knex);
  await migrateApp(database.knex, migrations);
  await database.close();
  return filename;
}

const template = await makeTemplate();

for (const [sqlite, numRuns] of [
  ["better-sqlite3", 150],
  ["sqlite3", 50],
] as const) {
  test(`${sqlite}: requests, whatever crashes, happen once if they are answered, else once or never`, async () => {
    const outcomes = { ordered: 0, notOrdered: 0, refused: 0 };
    const property = fc.asyncProperty(setting, plan, async (setting, plan) => {
      const run = await CheckedRun.start({
        ...setting,
        client: sqlite,
        template,
        clients: CLIENTS,
        outcomes,
      });
      try {
        for (const { command, turns } of plan.flat()) {
          await run.play(command);
          await turnsPass(turns);
        }
        await run.finish();
      } catch (error) {
        throw new Error(`${(error as Error).message}\n${run.log.join("\n")}`, { cause: error });
      } finally {
        await run.close();
      }
    });
    await fc.assert(property, {
      numRuns,
      includeErrorInReport: true,
      timeout: RUN_TIMEOUT_MS,
      interruptAfterTimeLimit: TIME_LIMIT_MS,
    });
    // Or the crashes have missed what they are to hit.
    assert.ok(outcomes.ordered > 0 && outcomes.notOrdered > 0, JSON.stringify(outcomes));
  });
}

test.run();
