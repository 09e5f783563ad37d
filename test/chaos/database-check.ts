// The last word: everything that the clients know against the database itself, read by a connection of our own. Knows the shop's
// tables and limpet's, and neither a farm nor which database it is.

import type { Knex } from "knex";
import { unpack } from "msgpackr";
import type { ChaosState } from "./chaos-app.js";
import { buyerOf } from "./shopper.js";
import { cartText, isSameCart, Violation, type Visitor } from "./visitor.js";

export type Stock = ReadonlyMap<string, number>;

interface SessionState extends ChaosState {
  readonly cart?: Readonly<Record<string, number>>;
  readonly orders?: readonly { readonly id: string }[];
}

interface OrderRow {
  readonly id: string;
  readonly name: string;
  readonly total_pence: number;
}

interface LineRow {
  readonly order_id: string;
  readonly product_id: string;
  readonly quantity: number;
  readonly price_pence: number;
}

export interface DatabaseCounts {
  readonly sessions: number;
  readonly orders: number;
  /** Steps of unknown outcome that have happened, and that have not. */
  readonly unknownHappened: number;
  readonly unknownNot: number;
}

/** What of each product there is. */
export async function readStock(database: Knex): Promise<Stock> {
  const rows = await database<{ id: string; stock: number }>("shop_products").select("id", "stock");
  return new Map(rows.map(({ id, stock }) => [id, stock]));
}

/** Throws a `Violation` for the first thing in the database that must not be, or is missing. */
export async function checkDatabase(
  database: Knex,
  visitors: readonly Visitor[],
  stockBefore: Stock,
): Promise<DatabaseCounts> {
  const states = await readStates(database, visitors);
  const orders = await readOrders(database);
  const counts = { sessions: states.size, orders: orders.size, unknownHappened: 0, unknownNot: 0 };
  for (const visitor of visitors) {
    const state = states.get(visitor.name) ?? {};
    checkVisitor(visitor, state, orders);
    const happened = new Set(state.trail);
    for (const { number, outcome } of visitor.steps) {
      if (outcome !== "unknown") continue;
      if (happened.has(number)) counts.unknownHappened++;
      else counts.unknownNot++;
    }
  }
  const [stray] = orders.values();
  if (stray !== undefined) throw new Violation(`order ${stray.id} is of nobody's checkout: ${stray.name}`);
  await checkStock(database, stockBefore);
  return counts;
}

/** The sessions' states, by their visitors' names. */
async function readStates(database: Knex, visitors: readonly Visitor[]): Promise<Map<string, SessionState>> {
  const known = new Set(visitors.map(({ name }) => name));
  const states = new Map<string, SessionState>();
  for (const { key, state } of await database<{ key: string; state: Buffer }>("limpet_sessions")) {
    const session = unpack(state) as SessionState;
    const { visitor } = session;
    if (visitor === undefined || !known.has(visitor))
      throw new Violation(`the session ${key} is nobody's: ${JSON.stringify(session)}`);
    if (states.has(visitor)) throw new Violation(`${visitor} has two sessions`);
    states.set(visitor, session);
  }
  return states;
}

interface StoredOrder extends OrderRow {
  readonly lines: ReadonlyMap<string, number>;
}

/** The orders, by the name of their buyer, which says whose and which step's they are. */
async function readOrders(database: Knex): Promise<Map<string, StoredOrder>> {
  const lines = new Map<string, LineRow[]>();
  for (const line of await database<LineRow>("shop_order_lines")) {
    const others = lines.get(line.order_id);
    if (others === undefined) lines.set(line.order_id, [line]);
    else others.push(line);
  }
  const orders = new Map<string, StoredOrder>();
  for (const order of await database<OrderRow>("shop_orders")) {
    if (orders.has(order.name)) throw new Violation(`there are two orders of ${order.name}`);
    const own = lines.get(order.id) ?? [];
    const total = own.reduce((sum, line) => sum + line.quantity * line.price_pence, 0);
    if (total !== order.total_pence) throw new Violation(`order ${order.id} does not add up`);
    orders.set(order.name, { ...order, lines: new Map(own.map((line) => [line.product_id, line.quantity])) });
  }
  return orders;
}

/** Takes the visitor's orders out of `orders`. */
function checkVisitor(visitor: Visitor, state: SessionState, orders: Map<string, StoredOrder>): void {
  const trail = state.trail ?? [];
  const expected = visitor.judge(trail);
  const cart = new Map(Object.entries(state.cart ?? {}));
  if (!isSameCart(cart, expected.cart))
    throw visitor.violation(`the database has ${cartText(cart)}, not ${cartText(expected.cart)}`, trail);
  const ids: string[] = [];
  for (const [step, bought] of expected.orders) {
    const { name } = buyerOf(visitor, step);
    const order = orders.get(name);
    if (order === undefined) throw visitor.violation(`the order of step ${step} is missing`, trail);
    if (!isSameCart(order.lines, bought))
      throw visitor.violation(
        `order ${order.id} has ${cartText(order.lines)}, not ${cartText(bought)}`,
        trail,
      );
    const told = visitor.steps[step - 1]!.orderId;
    if (told !== undefined && told !== order.id)
      throw visitor.violation(
        `step ${step} became order ${order.id}, but order ${told} was acknowledged`,
        trail,
      );
    orders.delete(name);
    ids.unshift(order.id);
  }
  const remembered = (state.orders ?? []).map(({ id }) => id);
  if (remembered.join() !== ids.join())
    throw visitor.violation(`the session has the orders ${remembered.join()}, not ${ids.join()}`, trail);
}

async function checkStock(database: Knex, before: Stock): Promise<void> {
  const sold = await database<LineRow>("shop_order_lines").select("product_id", "quantity");
  const left = new Map(before);
  for (const { product_id, quantity } of sold) left.set(product_id, (left.get(product_id) ?? 0) - quantity);
  for (const { id, stock } of await database<{ id: string; stock: number }>("shop_products")) {
    if (stock !== left.get(id))
      throw new Violation(`the stock of ${id} is ${stock}, but what was sold leaves ${left.get(id)}`);
  }
}
