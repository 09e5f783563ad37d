// One session as its client knows it: every step that was sent, and what the client was told of it. And the judgement of what the
// farm or the database says of the same session. Knows no HTTP and no database. What the judge holds to be possible:
//
//   acknowledged   has happened exactly once, in the order of the acknowledgements
//   unknown        (no answer, or 5xx) has happened once or not at all; not before what was acknowledged when it was sent
//   refused        (4xx, or never sent) has not happened

import type { Action } from "../../benchmarks/shoppers/behaviour.js";

/** What of a step the client knows. */
export type StepOutcome = "acknowledged" | "unknown" | "refused";

/** What changes a session. */
export type StepAction = Extract<Action, { readonly kind: "add" | "set" | "check-out" }>;

export interface Step {
  /** Counts the session's steps, from 1. */
  readonly number: number;
  readonly action: StepAction;
  /** "unknown" until there is an answer. */
  outcome: StepOutcome;
  /** How often it was sent: a checkout of unknown outcome is sent again. */
  attempts: number;
  /** The order that an acknowledged checkout has become. */
  orderId?: string;
}

/** What a session must hold after the steps of its trail. */
export interface Expected {
  /** Quantities by product. */
  readonly cart: ReadonlyMap<string, number>;
  /** What was in the cart at each checkout, by the number of its step. */
  readonly orders: ReadonlyMap<number, ReadonlyMap<string, number>>;
}

/** Something that must never be. The message says what, and what led to it. */
export class Violation extends Error {
  override readonly name = "Violation";
}

export class Visitor {
  readonly name: string;
  readonly steps: Step[] = [];
  /** Undefined until the first answer. */
  cookie: string | undefined;
  /** The longest trail that was seen so far. */
  #seen: readonly number[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** Remembers a step that is about to be sent. */
  begin(action: StepAction): Step {
    const step: Step = { number: this.steps.length + 1, action, outcome: "unknown", attempts: 0 };
    this.steps.push(step);
    return step;
  }

  /**
   * Judges a trail, the numbers of the steps that have happened, in order; returns what the session must hold after them.
   * Throws a `Violation`. What was seen once must be there from now on.
   */
  judge(trail: readonly number[]): Expected {
    const seen = new Set<number>();
    let latest = 0;
    for (const [place, number] of trail.entries()) {
      const step = this.steps[number - 1];
      if (step === undefined) throw this.violation(`step ${number} was never sent`, trail);
      const { outcome } = step;
      if (seen.has(number)) throw this.violation(`step ${number} has happened twice`, trail);
      if (outcome === "refused") throw this.violation(`step ${number} was refused, but has happened`, trail);
      // A client sends one step after the other: what was acknowledged was so before anything later was sent.
      if (outcome === "acknowledged" && number < latest)
        throw this.violation(`step ${number} was acknowledged, but has happened after step ${latest}`, trail);
      if (place < this.#seen.length && this.#seen[place] !== number)
        throw this.violation(`the trail was ${this.#seen.join(" ")} before`, trail);
      seen.add(number);
      latest = Math.max(latest, number);
    }
    const lost = this.steps.find((step) => step.outcome === "acknowledged" && !seen.has(step.number));
    if (lost !== undefined)
      throw this.violation(`step ${lost.number} was acknowledged, but has not happened`, trail);
    if (trail.length < this.#seen.length)
      throw this.violation(`the trail was ${this.#seen.join(" ")} before`, trail);
    this.#seen = trail;
    return this.#replay(trail);
  }

  #replay(trail: readonly number[]): Expected {
    const cart = new Map<string, number>();
    const orders = new Map<number, ReadonlyMap<string, number>>();
    for (const number of trail) {
      const { action } = this.steps[number - 1]!;
      if (action.kind === "check-out") {
        orders.set(number, new Map(cart));
        cart.clear();
      } else {
        const before = action.kind === "add" ? (cart.get(action.product) ?? 0) : 0;
        const quantity = before + action.quantity;
        if (quantity === 0) cart.delete(action.product);
        else cart.set(action.product, quantity);
      }
    }
    return { cart, orders };
  }

  violation(what: string, trail: readonly number[]): Violation {
    return new Violation(`${this.name}: ${what}\n${this.history(trail)}`);
  }

  /** The steps, and what the farm says of them. */
  history(trail: readonly number[]): string {
    const steps = this.steps.map(({ number, action, outcome, orderId }) => {
      const what = action.kind === "check-out" ? "" : ` ${action.product} ${action.quantity}`;
      return `  ${number} ${action.kind}${what}: ${outcome}${orderId === undefined ? "" : `, order ${orderId}`}`;
    });
    return [`  trail: ${trail.join(" ")}`, ...steps].join("\n");
  }
}

/** Whether two carts, or the lines of an order, are the same. */
export function isSameCart(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([product, quantity]) => b.get(product) === quantity);
}

export function cartText(cart: ReadonlyMap<string, number>): string {
  return cart.size === 0
    ? "nothing"
    : [...cart].map(([product, quantity]) => `${quantity} ${product}`).join(", ");
}
