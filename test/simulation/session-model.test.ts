// What the model of a session takes, and what it must not: a model that takes everything would find nothing.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Asked, answerOf, SessionModel, type State, type Step } from "./session-model.js";

/** A session, and what is asked of it, by numbers from 1. */
class Session {
  nowMs = 0;
  readonly model = new SessionModel({ idleMs: 100, absoluteMs: 150, nowMs: () => this.nowMs });
  #requests = 0;

  ask(step: Step): Asked {
    const asked = { number: ++this.#requests, step };
    this.model.ask(asked);
    return asked;
  }

  answered(step: Step, state: State): SessionModel | undefined {
    return this.model.answer(this.ask(step), answerOf(200, state));
  }

  lost(step: Step): void {
    this.model.lose(this.ask(step));
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.model.pass();
  }
}

test("an acknowledged change, must be there for every later request", () => {
  const session = new Session();
  session.answered("increment", [0, 1, []]);
  session.answered("set", [2, 1, []]);
  session.answered("read", [2, 1, []]);
  assert.throws(
    () => session.answered("read", [0, 1, []]),
    "read 4 was answered 200 [0,1,[]], not 200 [2,1,[]]",
  );
});

test("requests in flight together, may happen in any order, but one after another", () => {
  for (const [first, second] of [
    [1, 2],
    [2, 1],
  ] as const) {
    const session = new Session();
    const asked = [session.ask("increment"), session.ask("increment")] as const;
    session.model.answer(asked[0], answerOf(200, [0, first, []]));
    session.model.answer(asked[1], answerOf(200, [0, second, []]));
    session.answered("read", [0, 2, []]);
  }
  const session = new Session();
  const asked = [session.ask("increment"), session.ask("increment")] as const;
  session.model.answer(asked[0], answerOf(200, [0, 1, []]));
  assert.throws(() => session.model.answer(asked[1], answerOf(200, [0, 1, []])), "not 200 [0,2,[]]");
});

test("a lost request, has happened once or never, and what was seen of it stays so", () => {
  for (const [count, other] of [
    [1, 0],
    [0, 1],
  ] as const) {
    const session = new Session();
    session.lost("increment");
    session.model.decide();
    session.answered("read", [0, count, []]);
    assert.throws(() => session.answered("read", [0, other, []]), "was answered");
  }
  const session = new Session();
  session.lost("increment");
  assert.throws(() => session.answered("read", [0, 2, []]), "was answered");
});

test("a lost request, may happen after a later one, until it is decided", () => {
  const session = new Session();
  session.lost("increment");
  session.answered("read", [0, 0, []]);
  session.answered("read", [0, 1, []]);
});

test("an order, is in the database together with its session's change, or not at all", () => {
  const acknowledged = new Session();
  acknowledged.answered("order", [0, 0, [1]]);
  acknowledged.model.see([1, 7]);
  assert.throws(() => acknowledged.model.see([7]), "has the orders [], not [1]");
  assert.throws(() => acknowledged.model.see([1, 1]), "has the orders [1,1], not [1]");
  const lost = new Session();
  lost.lost("order");
  lost.model.decide();
  lost.model.see([1]);
  assert.throws(() => lost.answered("read", [0, 0, []]), "not 200 [0,0,[1]]");
  const refused = new Session();
  refused.model.answer(refused.ask("refused-order"), answerOf(500));
  assert.throws(() => refused.model.see([1]), "has the orders [1], not []");
  const thrown = new Session();
  thrown.model.answer(thrown.ask("order-then-throw"), answerOf(500));
  thrown.model.see([1]);
  thrown.answered("read", [0, 0, [1]]);
});

test("a request that was refused, has changed nothing, and nobody has seen it", () => {
  const session = new Session();
  session.model.refuse(session.ask("increment"));
  session.answered("read", [0, 0, []]);
  const seen = session.ask("increment");
  session.answered("read", [0, 1, []]);
  assert.throws(() => session.model.refuse(seen), "was refused, and has happened");
});

test("a session that has ended, is empty, and does not come back", () => {
  const session = new Session();
  session.answered("increment", [0, 1, []]);
  session.pass(99);
  session.answered("increment", [0, 2, []]);
  session.pass(50);
  session.answered("read", [0, 2, []]);
  session.pass(1);
  assert.throws(() => session.answered("read", [0, 2, []]), "not 200 [0,0,[]]");
  session.answered("increment", [0, 1, []]);
});

test("a session that was only read, may have been renewed if half of its time was over", () => {
  for (const [isRenewed, state] of [
    [true, [0, 1, []]],
    [false, [0, 0, []]],
  ] as const) {
    const session = new Session();
    session.answered("increment", [0, 1, []]);
    session.pass(60);
    session.answered("read", [0, 1, []]);
    session.pass(40);
    session.answered("read", state);
    if (isRenewed) session.answered("read", [0, 1, []]);
    else assert.throws(() => session.answered("read", [0, 1, []]), "not 200 [0,0,[]]");
  }
});

test("a session with another name, has its state there, and none under the old one", () => {
  const session = new Session();
  session.answered("increment", [0, 1, []]);
  const renamed = session.answered("login", [2, 1, []])!;
  session.answered("read", [0, 0, []]);
  const asked: Asked = { number: 9, step: "read" };
  renamed.ask(asked);
  assert.throws(() => renamed.answer(asked, answerOf(200, [0, 0, []])), "not 200 [2,1,[]]");
  renamed.answer(asked, answerOf(200, [2, 1, []]));
});

test.run();
