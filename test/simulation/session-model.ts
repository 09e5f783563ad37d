// What a session may be, as far as its clients can know: all worlds that are possible after what was asked and answered.
// A request happens at one moment between its asking and its answer; one that gets no answer happens once, or never. An
// answer leaves the worlds in which it is the right one; if there are none, limpet has broken a promise. Knows nothing of how
// limpet does it: no versions, caches, locks or transactions.

export type Step =
  | "read"
  | "set"
  | "increment"
  | "order"
  | "order-then-throw"
  | "refused-order"
  | "set-then-throw"
  | "regenerate"
  | "login"
  | "destroy";

/** A request. The number is its own, and what it sets or orders. */
export interface Asked {
  readonly number: number;
  readonly step: Step;
}

/** Zeros and nothing: an empty session. */
export type State = readonly [value: number, count: number, orders: readonly number[]];
const EMPTY: State = [0, 0, []];

/** How long sessions live, and the clock, in ms. */
export interface Life {
  readonly idleMs: number;
  /** Infinity: for ever. */
  readonly absoluteMs: number;
  readonly nowMs: () => number;
}

interface World {
  readonly state: State;
  readonly createdAtMs: number;
  readonly endsAtMs: number;
  /** The orders that were made in this session, and are in the database whatever becomes of the session. */
  readonly ordered: readonly number[];
  /** Requests that have happened and are not answered yet. */
  readonly happened: ReadonlyMap<Asked, Happened>;
}

interface Happened {
  /** The right one. */
  readonly answer: string;
  /** The session under its next name. */
  readonly renamed?: World;
}

const BLANK: World = {
  state: EMPTY,
  createdAtMs: Number.POSITIVE_INFINITY,
  endsAtMs: Number.POSITIVE_INFINITY,
  ordered: [],
  happened: new Map(),
};

export class SessionModel {
  readonly #life: Life;
  #worlds: readonly World[];
  /** The numbers of its requests, ever. */
  readonly #numbers = new Set<number>();
  readonly #inFlight = new Set<Asked>();
  readonly #lost = new Set<Asked>();

  constructor(life: Life, worlds: readonly World[] = [BLANK]) {
    this.#life = life;
    this.#worlds = worlds;
  }

  /** Requests of which nobody knows whether they have happened. */
  get open(): number {
    return this.#inFlight.size + this.#lost.size;
  }

  ask(asked: Asked): void {
    this.#numbers.add(asked.number);
    this.#inFlight.add(asked);
  }

  /** It was answered. Returns the session under its next name, if the request gave it one. */
  answer(asked: Asked, answer: string): SessionModel | undefined {
    const worlds = this.#reachable();
    const right = worlds.filter(({ happened }) => happened.get(asked)?.answer === answer);
    if (right.length === 0) {
      const answers = new Set(worlds.flatMap(({ happened }) => happened.get(asked)?.answer ?? []));
      throw new Error(
        `${asked.step} ${asked.number} was answered ${answer}, not ${[...answers].join(" or ")}`,
      );
    }
    this.#inFlight.delete(asked);
    this.#worlds = distinct(right.map((world) => forgetting(world, [asked])));
    const renamed = right.flatMap(({ happened }) => happened.get(asked)?.renamed ?? []);
    return renamed.length > 0 ? new SessionModel(this.#life, distinct(renamed)) : undefined;
  }

  /** It was refused, and will never have happened. */
  refuse(asked: Asked): void {
    this.#inFlight.delete(asked);
    this.#worlds = this.#worlds.filter(({ happened }) => !happened.has(asked));
    if (this.#worlds.length === 0)
      throw new Error(`${asked.step} ${asked.number} was refused, and has happened`);
  }

  /** It will not be answered. */
  lose(asked: Asked): void {
    this.#inFlight.delete(asked);
    this.#lost.add(asked);
  }

  /** What was lost has happened by now, or never will. */
  decide(): void {
    if (this.#lost.size === 0) return;
    this.#worlds = distinct(this.#reachable().map((world) => forgetting(world, this.#lost)));
    this.#lost.clear();
  }

  /** Time has passed, and nothing was in flight. */
  pass(): void {
    const nowMs = this.#life.nowMs();
    this.#worlds = distinct(this.#worlds.map((world) => (world.endsAtMs > nowMs ? world : emptied(world))));
  }

  /** These are the numbers of all orders in the database, in their order. Nothing is in flight. */
  see(orders: readonly number[]): void {
    const ours = JSON.stringify(orders.filter((number) => this.#numbers.has(number)));
    const right = this.#worlds.filter(({ ordered }) => JSON.stringify(ordered) === ours);
    if (right.length === 0) {
      const possible = new Set(this.#worlds.map(({ ordered }) => JSON.stringify(ordered)));
      throw new Error(`the database has the orders ${ours}, not ${[...possible].join(" or ")}`);
    }
    this.#worlds = right;
  }

  /** All worlds that may have come about: any of the open requests have happened, in any order. */
  #reachable(): World[] {
    const found = new Map<string, World>();
    const open = [...this.#inFlight, ...this.#lost];
    const visit = (world: World): void => {
      const key = keyOf(world);
      if (found.has(key)) return;
      found.set(key, world);
      for (const asked of open) {
        if (!world.happened.has(asked)) for (const next of after(world, asked, this.#life)) visit(next);
      }
    };
    for (const world of this.#worlds) visit(world);
    return [...found.values()];
  }
}

/** What may be once the request has happened. */
function after(world: World, asked: Asked, life: Life): World[] {
  const { step, number } = asked;
  const [value, count, orders] = world.state;
  const happens = (next: World, answer: string, renamed: object = {}): World => ({
    ...next,
    happened: new Map(world.happened).set(asked, { answer, ...renamed }),
  });
  const changes = (state: State, answer = answerOf(200, state)) =>
    stored(world, state, life).map((next) => happens(next, answer));
  const orderingOne: State = [value, count, [...orders, number]];
  const withOrder = (next: World) => ({ ...next, ordered: [...world.ordered, number].sort((a, b) => a - b) });
  const moves = (state: State) => {
    // What is left under the old name is a session of its own.
    const left = { ...emptied(world), createdAtMs: life.nowMs() };
    return stored(world, state, life).map((next) =>
      happens(left, answerOf(200, state), { renamed: { ...next, ordered: [], happened: new Map() } }),
    );
  };
  switch (step) {
    case "read":
      return renewed(world, life).map((next) => happens(next, answerOf(200, world.state)));
    case "set":
      return changes([number, count, orders]);
    case "increment":
      return changes([value, count + 1, orders]);
    case "order":
      return changes(orderingOne).map(withOrder);
    case "order-then-throw":
      return changes(orderingOne, answerOf(500)).map(withOrder);
    case "refused-order":
    case "set-then-throw":
      return [happens(world, answerOf(500))];
    case "regenerate":
      return moves(world.state);
    case "login":
      return moves([number, count, orders]);
    case "destroy":
      return [happens(emptied(world), answerOf(200, EMPTY))];
  }
}

/** The answer to a request: its status, and the state that a 200 tells. */
export function answerOf(status: number, state?: State): string {
  return status === 200 ? `200 ${JSON.stringify(state)}` : String(status);
}

/** The world with another state. One that was empty may be a session that ended, or begin a new one. */
function stored(world: World, state: State, { nowMs, idleMs, absoluteMs }: Life): World[] {
  if (isEmpty(state)) return [emptied(world)];
  const beginnings = isEmpty(world.state) ? [world.createdAtMs, nowMs()] : [world.createdAtMs];
  return beginnings
    .map((createdAtMs) => {
      const endsAtMs = Math.min(nowMs() + idleMs, createdAtMs + absoluteMs);
      return { ...world, state, createdAtMs, endsAtMs };
    })
    .filter(({ createdAtMs, endsAtMs }) => createdAtMs <= nowMs() && endsAtMs > nowMs());
}

/** Reading renews a session with less than half of its time left, or fails to: who reads is not told. */
function renewed(world: World, life: Life): World[] {
  const isDue = !isEmpty(world.state) && world.endsAtMs - life.nowMs() < life.idleMs / 2;
  return isDue ? [world, ...stored(world, world.state, life)] : [world];
}

function emptied(world: World): World {
  return { ...world, state: EMPTY, endsAtMs: Number.POSITIVE_INFINITY };
}

function isEmpty([value, count, orders]: State): boolean {
  return value === 0 && count === 0 && orders.length === 0;
}

function forgetting(world: World, answered: Iterable<Asked>): World {
  const happened = new Map(world.happened);
  for (const asked of answered) happened.delete(asked);
  return { ...world, happened };
}

function distinct(worlds: readonly World[]): World[] {
  return [...new Map(worlds.map((world) => [keyOf(world), world])).values()];
}

/** The same for worlds that are the same. */
function keyOf({ state, createdAtMs, endsAtMs, ordered, happened }: World): string {
  const answers = [...happened].map(
    ([{ number }, { answer, renamed }]) =>
      `${number} ${answer} ${renamed === undefined ? "" : keyOf(renamed)}`,
  );
  return JSON.stringify([state, createdAtMs, endsAtMs, ordered, answers.sort()]);
}
