// The crash test in its short form on SQLite, and the test's own tests: that its schedule repeats, and that it finds what it is
// there to find. Over both links where a namespace can be made, over sockets elsewhere.

import { copyFileSync } from "node:fs";
import knex, { type Knex } from "knex";
import { pack, unpack } from "msgpackr";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isInside, reenter, refusal } from "../../benchmarks/support/namespace.js";
import { runChaos } from "./chaos.js";
import { checkDatabase, type Stock } from "./database-check.js";
import { FAULT_KINDS, kindsOf, planFaults } from "./faults.js";
import { ServiceWatch } from "./service-watch.js";
import { makeSqlite, readSqlite } from "./sqlite.js";
import { type StepOutcome, Violation, Visitor } from "./visitor.js";

const schedule = suite("chaos, schedule");

schedule("with the same seed, is the same, and with another is another", () => {
  assert.equal(planFaults(7, 50, 8, FAULT_KINDS), planFaults(7, 50, 8, FAULT_KINDS));
  assert.not.equal(planFaults(7, 50, 8, FAULT_KINDS), planFaults(8, 50, 8, FAULT_KINDS));
});

for (const database of ["sqlite", "postgres"] as const) {
  schedule(`on ${database}, in each round, has every kind of fault that there is`, () => {
    const all = kindsOf(database);
    const kinds = planFaults(7, 3 * all.length, 8, all).map(({ kind }) => kind);
    for (let round = 0; round < 3; round++) {
      const own = kinds.slice(round * all.length, (round + 1) * all.length);
      assert.equal(own.sort(), all.toSorted());
    }
  });
}

const judge = suite("chaos, judge");

/** Steps of these outcomes: each adds one, but for a checkout at the end. */
function visitorWith(...outcomes: StepOutcome[]): Visitor {
  const visitor = new Visitor("somebody");
  for (const [i, outcome] of outcomes.entries()) {
    const isLast = i === outcomes.length - 1;
    const action = isLast
      ? { kind: "check-out" as const }
      : { kind: "add" as const, product: `p${i}`, quantity: 1 };
    visitor.begin(action).outcome = outcome;
  }
  return visitor;
}

judge("steps that happened as they were told, gives what cart and orders must be", () => {
  const visitor = visitorWith("acknowledged", "refused", "unknown", "acknowledged");
  const { cart, orders } = visitor.judge([1, 3, 4]);
  assert.is(cart.size, 0);
  assert.equal(
    [...orders.get(4)!],
    [
      ["p0", 1],
      ["p2", 1],
    ],
  );
});

judge("unknown step, may have happened or not, and later than what followed", () => {
  visitorWith("acknowledged", "unknown", "acknowledged").judge([1, 3]);
  visitorWith("acknowledged", "unknown", "acknowledged").judge([1, 2, 3]);
  const { cart } = visitorWith("acknowledged", "unknown", "acknowledged").judge([1, 3, 2]);
  assert.equal([...cart], [["p1", 1]]);
});

for (const [what, trail, message] of [
  ["acknowledged step, that is missing", [1, 2], /step 4 was acknowledged, but has not happened/],
  ["step, that has happened twice", [1, 2, 4, 2], /step 2 has happened twice/],
  ["refused step, that has happened", [1, 3, 4], /step 3 was refused, but has happened/],
  ["step, that nobody has sent", [1, 5, 4], /step 5 was never sent/],
  ["acknowledged steps, in another order", [4, 1], /step 1 was acknowledged, but has happened after step 4/],
  ["acknowledged step, after an unknown one that was sent later", [2, 1, 4], /but has happened after step 2/],
] as const) {
  judge(`${what}, is a violation`, () => {
    assert.throws(
      () => visitorWith("acknowledged", "unknown", "refused", "acknowledged").judge(trail),
      (error: Error) => error instanceof Violation && message.test(error.message),
    );
  });
}

judge("step of unknown outcome, that was seen and is gone, is a violation", () => {
  const visitor = visitorWith("acknowledged", "unknown", "unknown");
  visitor.judge([1, 2]);
  assert.throws(() => visitor.judge([1]), /the trail was 1 2 before/);
  assert.throws(() => visitor.judge([1, 3]), /the trail was 1 2 before/);
});

const watching = suite("chaos, watch");

watching("recovery, is when each client had an answer to what it asked after the fault", async () => {
  const watch = new ServiceWatch(2);
  watch.begin();
  const faultMs = performance.now();
  watch.served(0, faultMs - 100, faultMs + 10);
  watch.served(1, faultMs + 1, faultMs + 20);
  const recovered = watch.recovered(60_000);
  watch.served(0, faultMs + 11, faultMs + 500);
  const recovery = await recovered;
  assert.is(Math.round(recovery!.allServedMs), 500);
  assert.is(Math.round(recovery!.nobodyServedMs), 480);
});

/** Ways to spoil a database, and what must be said of it. */
const DAMAGES: readonly (readonly [
  what: string,
  damage: (database: Knex) => Promise<unknown>,
  message: RegExp,
])[] = [
  [
    "order that is gone",
    async (database) => {
      const { id } = await database("shop_orders").first("id");
      await database("shop_order_lines").where("order_id", id).delete();
      await database("shop_orders").where({ id }).delete();
    },
    /the order of step \d+ is missing/,
  ],
  [
    "order that is there twice",
    async (database) => {
      const order = await database("shop_orders").first();
      await database("shop_orders").insert({ ...order, id: "twice", checkout: "twice" });
    },
    /there are two orders of visitor/,
  ],
  [
    "order of which a line is gone",
    async (database) => {
      const line = await database("shop_order_lines").first();
      await database("shop_order_lines").where(line).delete();
    },
    /does not add up/,
  ],
  [
    "order of nobody",
    (database) =>
      database("shop_orders").insert({
        id: "x",
        checkout: "x",
        name: "x",
        address: "x",
        email: "x",
        total_pence: 0,
      }),
    /order x is of nobody's checkout/,
  ],
  [
    "stock that was sold to nobody",
    (database) => database("shop_products").where({ id: "sea-salt" }).decrement("stock", 1),
    /the stock of sea-salt is/,
  ],
  [
    "session that is gone",
    async (database) => {
      const { key } = await sessionWhere(database, ({ trail }) => trail.length > 2);
      await database("limpet_sessions").where({ key }).delete();
    },
    /was acknowledged, but has not happened|the trail was/,
  ],
  [
    "session that is an older one",
    (database) => changeSession(database, (state) => ({ ...state, trail: state.trail.slice(0, -1) })),
    /was acknowledged, but has not happened|the trail was|the database has/,
  ],
  [
    "cart that holds what nobody added",
    (database) =>
      changeSession(database, (state) => ({ ...state, cart: { ...state.cart, "shore-guide": 1 } })),
    /the database has .*1 shore-guide/,
  ],
];

interface State {
  readonly trail: readonly number[];
  readonly cart: Readonly<Record<string, number>>;
}

async function sessionWhere(
  database: Knex,
  fits: (state: State) => boolean,
): Promise<{ key: string; state: State }> {
  for (const { key, state } of await database("limpet_sessions").orderBy("key")) {
    const session = unpack(state) as State;
    if (fits(session)) return { key, state: session };
  }
  throw new Error("there is no such session");
}

async function changeSession(database: Knex, change: (state: State) => State): Promise<void> {
  const { key, state } = await sessionWhere(database, ({ trail }) => trail.length > 2);
  await database("limpet_sessions")
    .where({ key })
    .update({ state: pack(change(state)) });
}

/** Each damage by itself, on a copy. */
async function spoil(filename: string, visitors: readonly Visitor[], stock: Stock): Promise<void> {
  for (const [what, damage, message] of DAMAGES) {
    const copy = `${filename}-copy`;
    copyFileSync(filename, copy);
    const database = knex({ client: "sqlite3", connection: { filename: copy }, useNullAsDefault: true });
    await damage(database);
    await database.destroy();
    await readSqlite(copy, (knex) => checkDatabase(knex, visitors, stock)).then(
      () => assert.unreachable(`${what}: was not found`),
      (error: Error) => {
        assert.instance(error, Violation, what);
        assert.match(error.message, message);
      },
    );
  }
}

const chaos = suite("chaos");

chaos(
  "farm under load, broken in every way, loses and invents nothing; and the check would find it",
  async () => {
    const database = makeSqlite();
    const kinds = kindsOf("sqlite").filter((kind) => database.lacking[kind] === undefined);
    const report = await runChaos({
      seed: 20,
      database,
      schedule: planFaults(20, 2 * kinds.length, 12, kinds),
      clients: 12,
      workers: 3,
      withTun: isInside(),
      inspect: (visitors, stock) => spoil(database.filename, visitors, stock),
    });
    await database.remove();
    assert.is(report.violation, undefined, report.violation);
    assert.equal(
      report.faults.map(({ kind, count }) => [kind, count]),
      kinds.map((kind) => [kind, 2]),
    );
    const { tally } = report;
    assert.ok(tally.acknowledged > 100, "work was done");
    assert.ok(tally.unknown > 0, "and interrupted");
    assert.ok(report.database!.orders > 0);
    assert.is(tally.otherFailures, 0, "5xx other than 503");
    // Every kind that ends a worker has ended one, unless the process went first.
    assert.ok(report.workersFailed > 0);
  },
);

if (!isInside() && refusal() === undefined) {
  process.exitCode = reenter();
} else {
  for (const one of [schedule, judge, watching, chaos]) one.run();
}
