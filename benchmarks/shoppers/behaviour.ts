// What a person does in the shop, one visit from the first page to the last: a Markov chain over what was done last, with a time to
// think before each step. Pure: the same chance gives the same visit, whatever the shop answers. Knows no HTTP and no clock.
// What always holds: what is changed is in the cart, and a checkout has something to check out.

import { Random, zipf } from "../support/random.js";

export type Action =
  /** The first page, of everything or of one category. */
  | { readonly kind: "browse"; readonly category?: string }
  | { readonly kind: "look"; readonly product: string }
  | { readonly kind: "add"; readonly product: string; readonly quantity: number }
  | { readonly kind: "see-cart" }
  /** Another quantity of what is in the cart; 0 takes it out. */
  | { readonly kind: "set"; readonly product: string; readonly quantity: number }
  | { readonly kind: "check-out" }
  | { readonly kind: "see-orders" }
  /** To another address, as a telephone that leaves the house does. No request, and what was done last stays so. */
  | { readonly kind: "roam" }
  /** The visit's last step. */
  | { readonly kind: "leave" };

export type Kind = Action["kind"];

export interface Step {
  readonly action: Action;
  /** How long to think before it, of a mean of 1. */
  readonly pause: number;
}

/** What can come next, and how likely: a share of the sum of those that are possible. */
type Shares = Readonly<Partial<Record<Exclude<Kind, "roam">, number>>>;

/** What somebody is like. */
export interface Habits {
  /** By what was done last; "arrive" is before the first step. */
  readonly next: Readonly<Record<Exclude<Kind, "roam" | "leave"> | "arrive", Shares>>;
  /** How often a step is a move to another address, of 1. */
  readonly roams: number;
  /** After so many steps the visit is over in any case. */
  readonly maxSteps: number;
  /** The most of a product that is added at a time. */
  readonly maxAdded: number;
  readonly maxSet: number;
}

/** Some 8 steps a visit; two visits in five fill a cart, and one in five orders. */
export const PEOPLE: Habits = {
  next: {
    arrive: { browse: 85, look: 15 },
    browse: { look: 60, browse: 20, "see-cart": 4, leave: 10 },
    look: { browse: 32, look: 30, add: 18, "see-cart": 4, leave: 12 },
    add: { browse: 30, look: 20, "see-cart": 40, "check-out": 10 },
    "see-cart": { "check-out": 35, browse: 25, look: 5, set: 20, leave: 12 },
    set: { "see-cart": 25, "check-out": 35, browse: 35, leave: 5 },
    "check-out": { "see-orders": 35, browse: 15, leave: 50 },
    "see-orders": { browse: 30, leave: 70 },
  },
  roams: 0.02,
  maxSteps: 80,
  maxAdded: 2,
  maxSet: 3,
};

/** Most of one thing in a cart, as the shop has it. */
const MAX_QUANTITY = 20;
const CATEGORIES = ["tools", "books", "home", "wear"];
/** How often somebody looks at one category only, of 1. */
const PICKS_CATEGORY = 0.4;
/** Thinking is log-normal: mostly short, sometimes long. This is its sigma, and how long it is at most. */
const THOUGHT_SIGMA = 0.8;
const MAX_PAUSE = 10;

export class Visit {
  readonly #random: Random;
  readonly #habits: Habits;
  readonly #products: readonly string[];
  readonly #drawProduct: () => number;
  readonly #cart = new Map<string, number>();
  #last: keyof Habits["next"] = "arrive";
  /** Of the product that was looked at last. */
  #product: string;
  #steps = 0;
  #isOver = false;

  /** The first of the products is the most popular one, by Zipf's law. */
  constructor(seed: number, habits: Habits, products: readonly string[]) {
    this.#random = new Random(seed);
    this.#habits = habits;
    this.#products = products;
    this.#drawProduct = zipf(this.#random, products.length);
    this.#product = this.#someProduct();
  }

  /** The next step. After the last one, "leave", there is no other. */
  next(): Step {
    return { pause: this.#steps === 0 ? 0 : this.#thought(), action: this.#act() };
  }

  #act(): Action {
    this.#steps++;
    const random = this.#random;
    if (this.#isOver || this.#steps > this.#habits.maxSteps) return this.#leave();
    if (this.#steps > 1 && random.fraction() < this.#habits.roams) return { kind: "roam" };
    const kind = this.#draw(this.#habits.next[this.#last]);
    if (kind === "leave") return this.#leave();
    const before = this.#last;
    this.#last = kind;
    switch (kind) {
      case "browse":
        return random.fraction() < PICKS_CATEGORY
          ? { kind, category: CATEGORIES[random.below(CATEGORIES.length)]! }
          : { kind };
      case "look":
        this.#product = this.#someProduct();
        return { kind, product: this.#product };
      case "add":
        return this.#add(before === "look" ? this.#product : this.#someProduct());
      case "set":
        return this.#set();
      case "check-out":
        this.#cart.clear();
        return { kind };
      default:
        return { kind };
    }
  }

  #leave(): Action {
    this.#isOver = true;
    return { kind: "leave" };
  }

  #add(product: string): Action {
    const held = this.#cart.get(product) ?? 0;
    const quantity = 1 + this.#random.below(this.#habits.maxAdded);
    // Whoever has as much of it as the shop allows finds that out by themselves, now and then.
    this.#cart.set(product, Math.min(MAX_QUANTITY, held + quantity));
    return { kind: "add", product, quantity };
  }

  #set(): Action {
    const held = [...this.#cart.keys()];
    const product = held[this.#random.below(held.length)]!;
    const quantity = this.#random.below(this.#habits.maxSet + 1);
    if (quantity === 0) this.#cart.delete(product);
    else this.#cart.set(product, quantity);
    return { kind: "set", product, quantity };
  }

  /** Draws one of what is possible. */
  #draw(shares: Shares): Exclude<Kind, "roam"> {
    const needsCart = (kind: string) => kind === "set" || kind === "check-out";
    const possible = Object.entries(shares).filter(([kind]) => this.#cart.size > 0 || !needsCart(kind));
    let drawn = this.#random.fraction() * possible.reduce((sum, [, share]) => sum + share, 0);
    for (const [kind, share] of possible) {
      drawn -= share;
      if (drawn < 0) return kind as Exclude<Kind, "roam">;
    }
    return "leave";
  }

  #someProduct(): string {
    return this.#products[this.#drawProduct()]!;
  }

  /** Of a mean of 1, but for its longest ones, which are cut. */
  #thought(): number {
    const random = this.#random;
    const normal =
      Math.sqrt(-2 * Math.log(1 - random.fraction())) * Math.cos(2 * Math.PI * random.fraction());
    return Math.min(MAX_PAUSE, Math.exp(THOUGHT_SIGMA * normal - THOUGHT_SIGMA ** 2 / 2));
  }
}
