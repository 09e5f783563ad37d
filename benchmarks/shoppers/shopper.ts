// One place among the shoppers: somebody visits the shop, leaves, and the next one comes. Takes each step of the visit over HTTP, keeps
// the session's cookie, and notices if the session is not what it was. What always holds: one request at a time.

import { setImmediate as eventLoopTurn } from "node:timers/promises";
import type { Random } from "../support/random.js";
import { type Habits, Visit } from "./behaviour.js";
import { ClientConnection, cookieIn, type Reply, type Route } from "./exchange.js";
import { type Buyer, type Errand, requestOf } from "./shop-requests.js";
import { isServed, type Tally } from "./tally.js";

/** How often a checkout of unknown outcome is sent. */
const MAX_ATTEMPTS = 8;
/** After something that failed, twice as long each time in a row. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;

const REASONS = {
  unsent: "no connection",
  broken: "connection ended in mid-request",
  stale: "connection ended in mid-request",
  late: "no answer in time",
} as const;

export interface ShopperParts {
  readonly name: string;
  readonly random: Random;
  readonly habits: Habits;
  /** The most popular one first. */
  readonly products: readonly string[];
  /** Mean of the time to think before a step. 0: none. */
  readonly thinkMs: number;
  /** Within this time all have come: together they would be a flood and no people. */
  readonly arrivalMs: number;
  readonly answerTimeoutMs: number;
  /** The one that counts now. */
  readonly tally: () => Tally;
  /** Where the next one comes from. */
  readonly route: (random: Random) => Route;
  readonly canRoam: boolean;
}

export class Shopper {
  readonly #parts: ShopperParts;
  #connection: ClientConnection;
  /** The present visitor's session. */
  #cookie: string | undefined;
  #version = 0;
  #visits = 0;
  #checkouts = 0;
  #failuresInARow = 0;
  #isStopped = false;
  #wake: () => void = () => {};

  constructor(parts: ShopperParts) {
    this.#parts = parts;
    this.#connection = this.#connect();
  }

  /** Resolves once it is stopped, and done with its last request. Does not reject. */
  async run(): Promise<void> {
    const { random, thinkMs, arrivalMs } = this.#parts;
    await this.#sleep(random.fraction() * arrivalMs);
    while (!this.#isStopped) {
      await this.#visit();
      await this.#sleep(random.wait(thinkMs));
      // Habits may have people leave before they ask anything; others must have their turn.
      await eventLoopTurn();
    }
    this.#connection.close();
  }

  /** Lets it finish its request, and ends its thinking. */
  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  /** Ends its request as well. */
  destroy(): void {
    this.stop();
    this.#connection.close();
  }

  get #tally(): Tally {
    return this.#parts.tally();
  }

  async #visit(): Promise<void> {
    const { random, habits, products, thinkMs, canRoam } = this.#parts;
    const visit = new Visit(random.word(), habits, products);
    this.#visits++;
    this.#cookie = undefined;
    this.#version = 0;
    this.#connectAnew();
    for (;;) {
      const { action, pause } = visit.next();
      await this.#sleep(pause * thinkMs);
      if (this.#isStopped || action.kind === "leave") break;
      if (action.kind !== "roam") {
        await this.#run(action);
      } else if (canRoam) {
        this.#tally.roams++;
        this.#connectAnew();
      }
    }
    if (this.#cookie !== undefined) this.#tally.sessionsEnded++;
  }

  async #run(errand: Errand): Promise<void> {
    const request = requestOf(errand, () => this.#buyer());
    for (let attempt = 1; attempt <= MAX_ATTEMPTS && !this.#isStopped; attempt++) {
      const headers = this.#cookie === undefined ? {} : { cookie: this.#cookie };
      const askedMs = performance.now();
      this.#tally.asked(errand.kind);
      const reply = await this.#connection.exchange({ ...request, headers });
      // What was cut off at the end says nothing.
      if (this.#isStopped && (reply === "broken" || reply === "stale")) return;
      // As browsers do, where it is safe to ask twice.
      if (reply === "stale" && request.method === "GET") {
        this.#tally.reconnections++;
        continue;
      }
      if (typeof reply !== "string") {
        const nowMs = performance.now();
        this.#tally.answered(reply.status, nowMs - askedMs, nowMs);
        this.#keepSession(reply);
      }
      const reason = failureOf(reply);
      if (reason === undefined) {
        this.#failuresInARow = 0;
        if (errand.kind === "check-out" && typeof reply !== "string" && reply.status < 300)
          this.#tally.orders++;
        return;
      }
      this.#tally.failed(reason);
      await this.#sleep(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failuresInARow++));
      // As people do whose order has gone into the unknown: the same again. Anything else they let be.
      if (errand.kind !== "check-out") return;
    }
  }

  #buyer(): Buyer {
    const { name } = this.#parts;
    return {
      name: `Visitor ${this.#visits} of ${name}`,
      address: "The rock pool",
      email: `${name}@example.org`,
      checkout: `checkout-${++this.#checkouts}`,
    };
  }

  #keepSession({ headers }: Exclude<Reply, string>): void {
    const cookie = cookieIn(headers);
    const version = Number(headers["x-limpet-version"] ?? this.#version);
    if (cookie !== undefined && cookie !== this.#cookie) {
      if (this.#cookie === undefined) this.#tally.sessionsBegun++;
      else this.#tally.sessionsLost++;
      this.#cookie = cookie;
    } else if (version < this.#version) {
      this.#tally.sessionsLost++;
    }
    this.#version = version;
  }

  #connect(): ClientConnection {
    const { route, random, answerTimeoutMs } = this.#parts;
    return new ClientConnection(route(random), answerTimeoutMs);
  }

  #connectAnew(): void {
    this.#connection.close();
    this.#connection = this.#connect();
  }

  #sleep(ms: number): Promise<void> {
    if (this.#isStopped || ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Why the request came to nothing, or undefined if it came to what the shop has to say. */
function failureOf(reply: Reply): string | undefined {
  if (typeof reply === "string") return REASONS[reply];
  return isServed(reply.status) ? undefined : `status ${reply.status}`;
}
