// The behaviour of shoppers: what follows from a seed, and what holds for every visit whatever the seed.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Habits, PEOPLE, type Step, Visit } from "../../../benchmarks/shoppers/behaviour.js";

const PRODUCTS = Array.from({ length: 24 }, (_, n) => `product-${n}`);

/** All of a visit. One that does not end in time fails. */
function stepsOf(seed: number, habits = PEOPLE): Step[] {
  const visit = new Visit(seed, habits, PRODUCTS);
  const steps: Step[] = [];
  do {
    steps.push(visit.next());
    assert.ok(steps.length <= habits.maxSteps + 1, "it ends");
  } while (steps.at(-1)!.action.kind !== "leave");
  assert.is(visit.next().action.kind, "leave", "nothing comes after the end");
  return steps;
}

const kindsOf = (steps: readonly Step[]) => steps.map(({ action }) => action.kind);

test("visit, of the same seed, is the same to the last step, and of another is another", () => {
  const visits = Array.from({ length: 50 }, (_, seed) => JSON.stringify(stepsOf(seed)));
  assert.equal(
    visits,
    Array.from({ length: 50 }, (_, seed) => JSON.stringify(stepsOf(seed))),
  );
  assert.ok(new Set(visits).size > 45);
});

/** Anything anybody may be like, never leaving of their own accord included. */
const habits: fc.Arbitrary<Habits> = fc
  .tuple(
    fc.array(fc.array(fc.nat(5), { minLength: 8, maxLength: 8 }), { minLength: 8, maxLength: 8 }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.integer({ min: 1, max: 100 }),
  )
  .map(([shares, roams, maxSteps]) => {
    const kinds = ["browse", "look", "add", "see-cart", "set", "check-out", "see-orders", "leave"];
    const row = (n: number) => Object.fromEntries(kinds.map((kind, i) => [kind, shares[n]![i]!]));
    const [arrive, browse, look, add, seeCart, set, checkOut, seeOrders] = shares.map((_, n) => row(n));
    const next = { arrive, browse, look, add, "see-cart": seeCart, set, "check-out": checkOut };
    return { ...PEOPLE, next: { ...next, "see-orders": seeOrders }, roams, maxSteps } as Habits;
  });

test("visit, of whatever seed and habits, changes what is in the cart, and checks out something", () => {
  fc.assert(
    fc.property(fc.integer(), fc.oneof(fc.constant(PEOPLE), habits), (seed, own) => {
      const cart = new Map<string, number>();
      for (const { action, pause } of stepsOf(seed, own)) {
        assert.ok(pause >= 0 && pause <= 10, String(pause));
        switch (action.kind) {
          case "look":
            assert.ok(PRODUCTS.includes(action.product));
            break;
          case "add":
            assert.ok(action.quantity >= 1 && action.quantity <= own.maxAdded);
            cart.set(action.product, 1);
            break;
          case "set":
            assert.ok(cart.has(action.product), "what is changed is in the cart");
            assert.ok(action.quantity >= 0 && action.quantity <= own.maxSet);
            if (action.quantity === 0) cart.delete(action.product);
            break;
          case "check-out":
            assert.ok(cart.size > 0, "there is something to check out");
            cart.clear();
            break;
        }
      }
    }),
  );
});

test("people, add what they have looked at, and begin at a page", () => {
  for (let seed = 0; seed < 500; seed++) {
    const steps = stepsOf(seed);
    assert.ok(["browse", "look"].includes(steps[0]!.action.kind));
    assert.is(steps[0]!.pause, 0);
    const pages = steps.map(({ action }) => action).filter(({ kind }) => kind !== "roam");
    for (const [n, action] of pages.entries()) {
      if (action.kind !== "add") continue;
      const before = pages[n - 1]!;
      assert.equal([before.kind, "product" in before && before.product], ["look", action.product]);
    }
  }
});

test("people, do everything about as often as their habits say", () => {
  const visits = Array.from({ length: 4000 }, (_, seed) => stepsOf(seed * 7919));
  const share = (kind: string) =>
    visits.filter((visit) => kindsOf(visit).includes(kind as "add")).length / visits.length;
  const within = (value: number, low: number, high: number) =>
    assert.ok(value > low && value < high, `${value} is not within ${low} and ${high}`);
  within(visits.flat().length / visits.length, 7, 11);
  within(share("add"), 0.35, 0.5);
  within(share("check-out"), 0.15, 0.25);
  within(share("roam"), 0.08, 0.2);
  const pauses = visits.flatMap((visit) => visit.slice(1).map(({ pause }) => pause));
  within(pauses.reduce((sum, pause) => sum + pause, 0) / pauses.length, 0.95, 1.05);
});

test("people, look at the first product most, and at each of them", () => {
  const looks = new Map<string, number>();
  for (let seed = 0; seed < 2000; seed++) {
    for (const { action } of stepsOf(seed))
      if (action.kind === "look") looks.set(action.product, (looks.get(action.product) ?? 0) + 1);
  }
  assert.is(looks.size, PRODUCTS.length);
  // By Zipf's law the first is as popular as the second and third together, and a bit more.
  const [first, second, third] = PRODUCTS.map((product) => looks.get(product)!);
  assert.ok(first! > second! * 1.6 && second! > third!, `${first} ${second} ${third}`);
});

test.run();
