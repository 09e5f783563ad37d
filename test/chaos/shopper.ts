// A client that shops without pause: what it does next is the shoppers' own behaviour (benchmarks/shoppers/behaviour.ts) with habits
// for a test, and it remembers of each step what it was told. Looks are judged as soon as they are answered.
// What always holds: one request at a time, and nothing is called acknowledged or refused that the farm has not said.

import type { IncomingHttpHeaders } from "node:http";
import { type Habits, Visit } from "../../benchmarks/shoppers/behaviour.js";
import {
  type Answer,
  ClientConnection,
  cookieIn,
  type Failure,
  type Route,
} from "../../benchmarks/shoppers/exchange.js";
import { requestOf, type ShopRequest } from "../../benchmarks/shoppers/shop-requests.js";
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

/** The first is the most popular one; of the scarce one enough is bought to sell it out. */
const PRODUCTS = ["shrimp-net", "tide-clock", SCARCE_PRODUCT, "kelp-knife", "sea-salt", "wool-socks"];

const ANYTHING = { add: 49, set: 14, "check-out": 7, "see-cart": 29.5, leave: 0.5 };

/** More changes than people make, and longer visits: what is changed can be lost. Fewer orders than the shop remembers of a session (50). */
const HECTIC: Habits = {
  next: {
    arrive: { add: 1 },
    browse: ANYTHING,
    look: ANYTHING,
    add: ANYTHING,
    "see-cart": ANYTHING,
    set: ANYTHING,
    "check-out": ANYTHING,
    "see-orders": ANYTHING,
  },
  roams: 0.02,
  maxSteps: 200,
  maxAdded: 3,
  maxSet: 5,
};

const TRIES_AGAIN = 0.7;

/** No answer and no end of the connection for so long is a violation. */
const ANSWER_TIMEOUT_MS = 20_000;
/** After an answer that was none: a client that hammers would only measure itself. */
const PAUSE_MS = 50;
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

type Reply = Answer | Exclude<Failure, "late" | "stale">;

interface Mark {
  readonly fault: RequestFault;
  readonly onSent: () => void;
  readonly done: () => void;
}

export class Shopper {
  readonly visitors: Visitor[] = [];
  readonly #parts: ShopperParts;
  #visitor: Visitor;
  #visit: Visit;
  #connection: ClientConnection;
  /** The faults that its next steps bring, one after the other. */
  readonly #marks: Mark[] = [];
  #isStopped = false;

  constructor(parts: ShopperParts) {
    this.#parts = parts;
    this.#visitor = this.#newVisitor();
    this.#visit = this.#newVisit();
    this.#connection = this.#connect();
  }

  /** Shops until it is told to stop. Rejects with a `Violation`. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      // Without a cookie the visit goes by no name: whatever became of its first step, nobody can come back to it.
      if (this.#visitor.cookie === undefined && this.#visitor.steps.length > 0) this.#visitAnew();
      const { action } = this.#visit.next();
      switch (action.kind) {
        case "roam":
          this.#parts.tally.moves++;
          this.#connection.close();
          this.#connection = this.#connect();
          break;
        case "leave":
          this.#visitAnew();
          break;
        case "see-cart":
          await this.look(this.#visitor);
          break;
        case "add":
        case "set":
        case "check-out":
          await this.#takeStep(action);
          break;
        default:
          throw new Error(`nothing is judged here of ${action.kind}`);
      }
    }
    this.#connection.close();
  }

  /** Lets it finish what it is at. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Ends it in the middle of whatever it does. */
  destroy(): void {
    this.#isStopped = true;
    this.#connection.close();
  }

  /** Has the next steps bring a fault with them, until one has reached the app: then it resolves. */
  bring(fault: RequestFault, onSent: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.#marks.push({ fault, onSent, done: resolve });
    });
  }

  /** Looks at a visitor's cart, and at the orders if asked. True if the farm has shown it. */
  async look(visitor: Visitor, withOrders = false): Promise<boolean> {
    const cart = await this.#ask(visitor, { method: "GET", path: "/api/cart" });
    this.#parts.tally.looks++;
    if (typeof cart === "string" || cart.status !== 200) {
      this.#parts.tally.vainLooks++;
      return false;
    }
    const trail = trailOf(cart.headers);
    const { items } = JSON.parse(cart.text()) as { items: { productId: string; quantity: number }[] };
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
    const answer = await this.#ask(visitor, { method: "GET", path: "/api/orders" });
    if (typeof answer === "string" || answer.status !== 200) return false;
    const { orders } = JSON.parse(answer.text()) as { orders: { id: string; name: string }[] };
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

  #newVisit(): Visit {
    return new Visit(this.#parts.random.word(), HECTIC, PRODUCTS);
  }

  #visitAnew(): void {
    this.#visitor = this.#newVisitor();
    this.#visit = this.#newVisit();
  }

  #connect(): ClientConnection {
    return new ClientConnection(this.#parts.route(this.#parts.random), ANSWER_TIMEOUT_MS);
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
      const { orderId } = JSON.parse(reply.text()) as { orderId?: string };
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
    const request = requestOf(step.action, () => buyerOf(visitor, step.number));
    const headers = { [STEP_HEADER]: String(step.number), [VISITOR_HEADER]: visitor.name };
    const [mark] = this.#marks;
    if (mark === undefined) return this.#ask(visitor, request, headers);
    mark.onSent();
    const reply = await this.#ask(visitor, request, { ...headers, [FAULT_HEADER]: mark.fault });
    // Only the shop's own answers say which worker they are of.
    if (reply === "broken" || (reply !== "unsent" && "x-limpet-worker" in reply.headers)) {
      this.#marks.shift();
      mark.done();
    }
    return reply;
  }

  /** One request on the client's connection. Throws a `Violation` for what no answer may be. */
  async #ask(visitor: Visitor, request: ShopRequest, more: Record<string, string> = {}): Promise<Reply> {
    const { tally } = this.#parts;
    const headers: Record<string, string> = { ...more };
    if (visitor.cookie !== undefined) headers.cookie = visitor.cookie;
    const begunAtMs = performance.now();
    tally.requests++;
    const seen = await this.#connection.exchange({ ...request, headers });
    // Whatever may have been before: of what was asked nothing is known.
    const reply = seen === "stale" ? "broken" : seen;
    const tookMs = performance.now() - begunAtMs;
    if (typeof reply === "string" || reply.status >= 500)
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    if (reply === "late")
      throw visitor.violation(
        `no answer to ${request.method} ${request.path} within ${ANSWER_TIMEOUT_MS} ms`,
        [],
      );
    if (reply === "unsent") tally.refusedConnections++;
    if (reply === "broken") tally.brokenConnections++;
    if (typeof reply === "string") return reply;
    tally.slowestAnswerMs = Math.max(tally.slowestAnswerMs, tookMs);
    if (reply.status === 503) {
      tally.unavailable++;
      const text = reply.text();
      tally.unavailableBy[text] = (tally.unavailableBy[text] ?? 0) + 1;
      if (reply.headers["retry-after"] === undefined)
        throw visitor.violation("a 503 without Retry-After", []);
    } else if (reply.status >= 500) tally.otherFailures++;
    this.#keepCookie(visitor, reply.headers);
    return reply;
  }

  #keepCookie(visitor: Visitor, headers: IncomingHttpHeaders): void {
    const cookie = cookieIn(headers);
    if (cookie === undefined) return;
    if (visitor.cookie !== undefined && cookie !== visitor.cookie)
      throw visitor.violation("the session was lost: the farm has begun another", []);
    visitor.cookie = cookie;
  }
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
