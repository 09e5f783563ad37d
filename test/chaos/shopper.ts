// A client that shops without pause: visits the shop as one visitor after another, adds, changes, looks and checks out, moves to
// other addresses in mid-visit, and remembers of each step what it was told. Looks are judged as soon as they are answered.
// What always holds: one request at a time, and nothing is called acknowledged or refused that the farm has not said.

import { Agent, type IncomingHttpHeaders, request } from "node:http";
import type { Random } from "../../benchmarks/support/random.js";
import {
  FAULT_HEADER,
  type RequestFault,
  SCARCE_PRODUCT,
  STEP_HEADER,
  TRAIL_HEADER,
  VISITOR_HEADER,
} from "./chaos-app.js";
import type { ServiceWatch } from "./service-watch.js";
import { cartText, isSameCart, type Step, type StepAction, Violation, Visitor } from "./visitor.js";

const PRODUCTS = [
  SCARCE_PRODUCT,
  "shrimp-net",
  "tide-clock",
  "kelp-knife",
  "sea-salt",
  "wool-socks",
] as const;

/** Steps after which a visitor leaves for good, with fewer orders than the shop remembers of a session (50). */
const MAX_STEPS = 150;
/** How often a client does what, of 1. */
const LOOKS = 0.3;
const CHECKS_OUT = 0.1;
const SETS = 0.2;
const MOVES = 0.02;
const LEAVES = 0.005;
const TRIES_AGAIN = 0.7;

/** No answer and no end of the connection for so long is a violation. */
const ANSWER_TIMEOUT_MS = 20_000;
/** After an answer that was none: a client that hammers would only measure itself. */
const PAUSE_MS = 50;
/** Finds out that the other end of a silent connection is no more. */
const KEEP_ALIVE_PROBE_MS = 1000;

/** Where a client comes from and goes to. */
export interface Route {
  readonly url: URL;
  readonly localAddress: string;
}

/** What all clients together have seen. */
export class Tally {
  requests = 0;
  acknowledged = 0;
  unknown = 0;
  refused = 0;
  looks = 0;
  /** Looks that have shown nothing. */
  vainLooks = 0;
  unavailable = 0;
  /** By what they said. */
  readonly unavailableBy: Record<string, number> = {};
  otherFailures = 0;
  brokenConnections = 0;
  refusedConnections = 0;
  moves = 0;
  slowestAnswerMs = 0;
}

export interface ShopperParts {
  readonly number: number;
  readonly random: Random;
  readonly tally: Tally;
  readonly watch: ServiceWatch;
  /** Any of the ways to the farm. */
  readonly route: (random: Random) => Route;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** "unsent": no connection came about. "broken": there was one, and it has ended without a whole answer. */
type Reply = Answer | "unsent" | "broken";

interface Mark {
  readonly fault: RequestFault;
  readonly onSent: () => void;
  readonly done: () => void;
}

export class Shopper {
  readonly visitors: Visitor[] = [];
  readonly #parts: ShopperParts;
  #visitor: Visitor;
  #route: Route;
  #agent: Agent;
  /** The faults that its next steps bring, one after the other. */
  readonly #marks: Mark[] = [];
  #isStopped = false;

  constructor(parts: ShopperParts) {
    this.#parts = parts;
    this.#visitor = this.#newVisitor();
    this.#route = parts.route(parts.random);
    this.#agent = newAgent();
  }

  /** Shops until it is told to stop. Rejects with a `Violation`. */
  async run(): Promise<void> {
    const { random, tally } = this.#parts;
    while (!this.#isStopped) {
      if (random.fraction() < MOVES) {
        tally.moves++;
        this.#connectAnew();
      }
      const isOver = this.#visitor.steps.length >= MAX_STEPS || random.fraction() < LEAVES;
      // Without a cookie the visit goes by no name: whatever became of its first step, nobody can come back to it.
      if (isOver || (this.#visitor.cookie === undefined && this.#visitor.steps.length > 0))
        this.#visitor = this.#newVisitor();
      if (this.#visitor.cookie !== undefined && random.fraction() < LOOKS) await this.look(this.#visitor);
      else await this.#takeStep(this.#nextAction());
    }
    this.#agent.destroy();
  }

  /** Lets it finish what it is at. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Ends it in the middle of whatever it does. */
  destroy(): void {
    this.#isStopped = true;
    this.#agent.destroy();
  }

  /** Has the next steps bring a fault with them, until one has reached the app: then it resolves. */
  bring(fault: RequestFault, onSent: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.#marks.push({ fault, onSent, done: resolve });
    });
  }

  /** Looks at a visitor's cart, and at the orders if asked. True if the farm has shown it. */
  async look(visitor: Visitor, withOrders = false): Promise<boolean> {
    const cart = await this.#ask(visitor, "GET", "/api/cart");
    this.#parts.tally.looks++;
    if (typeof cart === "string" || cart.status !== 200) {
      this.#parts.tally.vainLooks++;
      return false;
    }
    const trail = trailOf(cart.headers);
    const { items } = JSON.parse(cart.body) as { items: { productId: string; quantity: number }[] };
    const shown = new Map(items.map(({ productId, quantity }) => [productId, quantity]));
    const expected = visitor.judge(trail);
    if (!isSameCart(shown, expected.cart))
      throw visitor.violation(`the farm shows ${cartText(shown)}, not ${cartText(expected.cart)}`, trail);
    return !withOrders || this.#lookAtOrders(visitor, trail, expected.orders);
  }

  async #lookAtOrders(
    visitor: Visitor,
    trail: readonly number[],
    expected: ReadonlyMap<number, ReadonlyMap<string, number>>,
  ): Promise<boolean> {
    const answer = await this.#ask(visitor, "GET", "/api/orders");
    if (typeof answer === "string" || answer.status !== 200) return false;
    const { orders } = JSON.parse(answer.body) as { orders: { id: string; name: string }[] };
    const shown = orders.map(({ name }) => name).reverse();
    const wanted = [...expected.keys()].map((step) => buyerOf(visitor, step).name);
    if (shown.join() !== wanted.join())
      throw visitor.violation(`the farm shows the orders ${shown.join()}, not ${wanted.join()}`, trail);
    return true;
  }

  #newVisitor(): Visitor {
    const visitor = new Visitor(`visitor-${this.#parts.number}-${this.visitors.length + 1}`);
    this.visitors.push(visitor);
    return visitor;
  }

  #connectAnew(): void {
    this.#agent.destroy();
    this.#agent = newAgent();
    this.#route = this.#parts.route(this.#parts.random);
  }

  #nextAction(): StepAction {
    const { random } = this.#parts;
    const product = PRODUCTS[random.below(PRODUCTS.length)]!;
    const chance = random.fraction();
    if (this.#visitor.steps.length > 0) {
      if (chance < CHECKS_OUT) return { kind: "check-out" };
      if (chance < CHECKS_OUT + SETS) return { kind: "set", product, quantity: random.below(6) };
    }
    return { kind: "add", product, quantity: 1 + random.below(3) };
  }

  async #takeStep(action: StepAction): Promise<void> {
    const visitor = this.#visitor;
    const step = visitor.begin(action);
    await this.#send(visitor, step);
    if (action.kind !== "check-out") return;
    // As people do whose order has gone into the unknown: the same again, which must not be a second order.
    while (step.outcome === "unknown" && !this.#isStopped && this.#parts.random.fraction() < TRIES_AGAIN)
      await this.#send(visitor, step);
    // What is sold out must go, or nothing can be ordered any more.
    if (step.outcome === "refused" && visitor.cookie !== undefined)
      await this.#send(visitor, visitor.begin({ kind: "set", product: SCARCE_PRODUCT, quantity: 0 }));
  }

  async #send(visitor: Visitor, step: Step): Promise<void> {
    const { tally, watch, number } = this.#parts;
    const begunAtMs = performance.now();
    const reply = await this.#sendOnce(visitor, step);
    if (typeof reply !== "string" && reply.status < 300) {
      tally.acknowledged++;
      step.outcome = "acknowledged";
      const { orderId } = JSON.parse(reply.body) as { orderId?: string };
      if (orderId !== undefined) step.orderId = orderId;
    } else if (reply === "unsent" || (reply !== "broken" && reply.status < 500)) {
      // Of an earlier attempt this says nothing.
      if (step.attempts === 1) step.outcome = "refused";
      tally.refused++;
    } else {
      tally.unknown++;
    }
    if (typeof reply !== "string" && reply.status < 500) watch.served(number, begunAtMs, performance.now());
  }

  async #sendOnce(visitor: Visitor, step: Step): Promise<Reply> {
    step.attempts++;
    const [method, path, body] = requestOf(visitor, step);
    const headers = { [STEP_HEADER]: String(step.number), [VISITOR_HEADER]: visitor.name };
    const [mark] = this.#marks;
    if (mark === undefined) return this.#ask(visitor, method, path, body, headers);
    mark.onSent();
    const reply = await this.#ask(visitor, method, path, body, { ...headers, [FAULT_HEADER]: mark.fault });
    // Only the shop's own answers say which worker they are of.
    if (reply === "broken" || (reply !== "unsent" && "x-limpet-worker" in reply.headers)) {
      this.#marks.shift();
      mark.done();
    }
    return reply;
  }

  /** One request on the client's connection. Throws a `Violation` for what no answer may be. */
  async #ask(
    visitor: Visitor,
    method: string,
    path: string,
    body?: object,
    more: Record<string, string> = {},
  ): Promise<Reply> {
    const { tally } = this.#parts;
    const headers: Record<string, string> = { ...more };
    if (visitor.cookie !== undefined) headers.cookie = visitor.cookie;
    if (body !== undefined) headers["content-type"] = "application/json";
    const begunAtMs = performance.now();
    tally.requests++;
    const reply = await exchange(this.#route, this.#agent, method, path, headers, body);
    const tookMs = performance.now() - begunAtMs;
    if (typeof reply === "string" || reply.status >= 500)
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    if (reply === "late")
      throw visitor.violation(`no answer to ${method} ${path} within ${ANSWER_TIMEOUT_MS} ms`, []);
    if (reply === "unsent") tally.refusedConnections++;
    if (reply === "broken") tally.brokenConnections++;
    if (typeof reply === "string") return reply;
    tally.slowestAnswerMs = Math.max(tally.slowestAnswerMs, tookMs);
    if (reply.status === 503) {
      tally.unavailable++;
      tally.unavailableBy[reply.body] = (tally.unavailableBy[reply.body] ?? 0) + 1;
      if (reply.headers["retry-after"] === undefined)
        throw visitor.violation("a 503 without Retry-After", []);
    } else if (reply.status >= 500) tally.otherFailures++;
    this.#keepCookie(visitor, reply.headers);
    return reply;
  }

  #keepCookie(visitor: Visitor, headers: IncomingHttpHeaders): void {
    const cookie = headers["set-cookie"]?.[0]?.split(";", 1)[0];
    if (cookie === undefined) return;
    if (visitor.cookie !== undefined && cookie !== visitor.cookie)
      throw visitor.violation("the session was lost: the farm has begun another", []);
    visitor.cookie = cookie;
  }
}

function newAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1 });
}

function trailOf(headers: IncomingHttpHeaders): number[] {
  const text = headers[TRAIL_HEADER];
  if (typeof text !== "string") throw new Violation("an answer without a trail");
  return text === "" ? [] : text.split(",").map(Number);
}

/** Who the order of a checkout is for: says which step of whom it was. */
export function buyerOf(visitor: Visitor, step: number) {
  return {
    name: `${visitor.name}/${step}`,
    address: "The rock pool",
    email: `${visitor.name}@example.org`,
    checkout: `step-${step}`,
  };
}

function requestOf(visitor: Visitor, { number, action }: Step): [method: string, path: string, body: object] {
  switch (action.kind) {
    case "add":
      return ["POST", "/api/cart/items", { productId: action.product, quantity: action.quantity }];
    case "set":
      return ["PATCH", `/api/cart/items/${action.product}`, { quantity: action.quantity }];
    case "check-out":
      return ["POST", "/api/checkout", buyerOf(visitor, number)];
  }
}

function exchange(
  { url, localAddress }: Route,
  agent: Agent,
  method: string,
  path: string,
  headers: Record<string, string>,
  body: object | undefined,
): Promise<Reply | "late"> {
  return new Promise((resolve) => {
    const { hostname, port } = url;
    const outgoing = request({ hostname, port, path, method, headers, agent, localAddress }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", () => resolve("broken"));
      incoming.on("end", () => {
        if (!incoming.complete) return resolve("broken");
        const { statusCode: status = 0, headers: answered } = incoming;
        resolve({ status, headers: answered, body: Buffer.concat(chunks).toString() });
      });
      incoming.on("close", () => resolve("broken"));
    });
    const timer = setTimeout(() => {
      resolve("late");
      outgoing.destroy();
    }, ANSWER_TIMEOUT_MS);
    outgoing.on("socket", (socket) => socket.setKeepAlive(true, KEEP_ALIVE_PROBE_MS));
    outgoing.on("error", (error: NodeJS.ErrnoException) =>
      resolve(error.syscall === "connect" || error.syscall === "bind" ? "unsent" : "broken"),
    );
    outgoing.on("close", () => clearTimeout(timer));
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
