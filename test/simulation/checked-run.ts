// One run: clients ask workers, things go wrong, and each answer, and the database whenever all is quiet, is held against
// what the model says of the sessions. What is done and what goes wrong, in which order, is the caller's.

import * as assert from "uvu/assert";
import { Gate, newIdOf } from "../support/session-farm.js";
import { settle } from "../support/settle.js";
import { CrashingFarm, type CrashingFarmOptions, type Victim } from "./crashing-farm.js";
import { type Asked, answerOf, type Life, SessionModel, type State, type Step } from "./session-model.js";
import { type Pace, requestOf, steppingApp } from "./stepping-app.js";

const MINUTE_MS = 60_000;
const IDLE_MS = 30 * MINUTE_MS;
/** Room for five sessions. */
const CACHE_BYTES = 4_500;
/** More sessions than the directory has room for. */
const CROWD = 12;
/** Requests of one session whose outcome is open: the model follows all orders in which they may have happened. */
const MAX_OPEN = 5;
/** The client that keeps its first cookie, whatever it is told: names that were given up must stay so. */
export const STUBBORN = 0;
/** How many turns of the event loop handlers take that are not to answer at once, and orders' transactions. */
const HANDLER_TURNS = 2;
const TRANSACTION_TURNS = 40;

export interface AskCommand {
  readonly kind: "ask";
  readonly client: number;
  readonly worker: number;
  readonly step: Step;
  readonly pace: Pace;
}

/** Numbers of workers go round: any number is one. */
export type Command =
  | AskCommand
  | { readonly kind: "crash"; readonly victim: Victim; readonly points: number }
  | { readonly kind: "replace storage"; readonly isOrderly: boolean }
  | { readonly kind: "evict"; readonly client: number; readonly worker: number }
  | { readonly kind: "crowd"; readonly worker: number }
  | { readonly kind: "sweep" | "let go" | "quiet" }
  | { readonly kind: "pass"; readonly minutes: number };

export interface RunOptions extends Pick<CrashingFarmOptions, "client" | "template" | "workers" | "stripes"> {
  readonly clients: number;
  readonly absoluteMinutes: number;
  readonly outcomes: Outcomes;
}

/** What has become of requests without an answer, counted over many runs. */
export interface Outcomes {
  /** Orders that are in the database all the same. */
  ordered: number;
  notOrdered: number;
  /** Requests that were refused because one of those came between. */
  refused: number;
}

/** A cookie that a client was given, and what the model says of the session under it. */
interface Cookie {
  readonly id: string;
  readonly session: SessionModel;
}

/** Lets that many turns of the event loop pass. */
export async function turnsPass(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await settle();
}

export class CheckedRun {
  /** What was asked, answered and done, in order, for whoever has to find out what went wrong. */
  readonly log: string[] = [];
  readonly #farm: CrashingFarm;
  /** Handlers that are held wait here. */
  readonly #gate: Gate;
  readonly #life: Life;
  readonly #outcomes: Outcomes;
  /** Of each client. */
  readonly #cookies: (Cookie | undefined)[];
  readonly #sessions: SessionModel[] = [];
  readonly #lostOrders = new Set<number>();
  #requests = 0;
  #strangers = 0;
  /** Since all was quiet. */
  #hasStorageFailed = false;
  #workerCrashesBefore = 0;
  /** The first thing that was wrong. */
  #failure: unknown;

  private constructor(farm: CrashingFarm, gate: Gate, { clients, absoluteMinutes, outcomes }: RunOptions) {
    this.#farm = farm;
    this.#gate = gate;
    this.#life = { idleMs: IDLE_MS, absoluteMs: absoluteMinutes * MINUTE_MS, nowMs: () => farm.nowMs };
    this.#outcomes = outcomes;
    this.#cookies = new Array<undefined>(clients).fill(undefined);
    // What it has left is all that there will be of the old process's requests.
    farm.onRestart = () => this.#decide();
  }

  static async start(options: RunOptions): Promise<CheckedRun> {
    const { client, template, workers, stripes, absoluteMinutes } = options;
    const gate = new Gate();
    const app = steppingApp({
      later: () => turnsPass(HANDLER_TURNS),
      held: gate.pass,
      transaction: () => turnsPass(TRANSACTION_TURNS),
    });
    const sessions = {
      cacheBytes: CACHE_BYTES,
      idleExpiryMs: IDLE_MS,
      absoluteExpiryMs: absoluteMinutes * MINUTE_MS,
    };
    const farm = await CrashingFarm.start({ client, template, workers, stripes, app, sessions });
    return new CheckedRun(farm, gate, options);
  }

  async play(command: Command): Promise<void> {
    const farm = this.#farm;
    await farm.recover();
    if (command.kind !== "ask") this.log.push(JSON.stringify(command));
    switch (command.kind) {
      case "ask":
        return this.#ask(command);
      case "crash":
        return farm.crash(command.victim, command.points);
      case "replace storage":
        this.#hasStorageFailed ||= !command.isOrderly;
        return farm.process.replaceStorage(command.isOrderly);
      case "evict":
        return this.#evict(command.client, command.worker);
      case "crowd":
        return this.#crowd(command.worker);
      case "sweep":
        return farm.process.storage?.service.sweep();
      case "let go":
        return this.#gate.letGo();
      case "quiet":
        return this.#quiet();
      case "pass":
        await this.#quiet();
        farm.nowMs += command.minutes * MINUTE_MS;
        for (const session of this.#sessions) session.pass();
    }
  }

  /** Lets everything come to its end, and has each client look at its session on each worker. */
  async finish(): Promise<void> {
    await this.#quiet();
    for (const worker of this.#farm.process.workers.keys()) {
      for (const client of this.#cookies.keys()) {
        await this.#ask({ kind: "ask", client, worker, step: "read", pace: "at once" });
      }
      await this.#quiet();
    }
    assert.equal(this.#farm.troubles, []);
  }

  async close(): Promise<void> {
    this.#gate.open();
    await this.#farm.close();
  }

  async #ask(command: AskCommand): Promise<void> {
    const cookie = this.#cookies[command.client];
    if (cookie !== undefined && cookie.session.open >= MAX_OPEN) await this.#quiet();
    this.#askAndCheck(command, cookie).catch((error: unknown) => {
      this.#failure ??= error;
    });
  }

  async #askAndCheck({ client, worker, step, pace }: AskCommand, cookie: Cookie | undefined): Promise<void> {
    const session = cookie?.session ?? this.#begun(new SessionModel(this.#life));
    const asked: Asked = { step, number: ++this.#requests };
    session.ask(asked);
    const { number } = asked;
    const name = this.#sessions.indexOf(session);
    this.log.push(`${number}: ${step} of client ${client}, session ${name}, at worker ${worker}, ${pace}`);
    const response = await this.#farm.send(worker, requestOf(asked, pace, cookie?.id));
    const [text] = String(response?.body).split("\n", 1);
    this.log.push(`${number}: ${response === undefined ? "lost" : `${response.status} ${text}`}`);
    if (response === undefined || (response.status === 503 && this.#hasStorageFailed)) {
      session.lose(asked);
      if (step === "order" || step === "order-then-throw") this.#lostOrders.add(number);
      return;
    }
    const { status } = response;
    // The locks of a worker that has crashed are free before what it has asked for is done.
    if (status === 409 && this.#farm.workerCrashes > this.#workerCrashesBefore) {
      session.refuse(asked);
      this.#outcomes.refused++;
      return;
    }
    const state = status === 200 ? (JSON.parse(String(response.body)) as State) : undefined;
    const renamed = session.answer(asked, answerOf(status, state));
    if (renamed !== undefined) this.#begun(renamed);
    const id = newIdOf(response);
    if (id === undefined || (client === STUBBORN && cookie !== undefined)) return;
    this.#cookies[client] = id === "" ? undefined : { id, session: renamed ?? session };
  }

  #begun(session: SessionModel): SessionModel {
    this.#sessions.push(session);
    return session;
  }

  #evict(client: number, worker: number): void {
    const cookie = this.#cookies[client];
    if (cookie !== undefined) this.#farm.worker(worker).sessions.forget(cookie.id);
  }

  /** Others come, and take the directory's entries. */
  #crowd(worker: number): void {
    for (let stranger = 0; stranger < CROWD; stranger++) {
      const key = (++this.#strangers).toString(16).padStart(32, "0");
      // They are not told, either, if it crashes.
      this.#farm
        .worker(worker)
        .storage.version(key)
        .catch(() => {});
    }
  }

  #decide(): void {
    for (const session of this.#sessions) session.decide();
  }

  /** Waits until nothing is in flight, and holds the database to what is known then. */
  async #quiet(): Promise<void> {
    const farm = this.#farm;
    this.#gate.open();
    await farm.quiet();
    this.#gate.isOpen = false;
    if (this.#failure !== undefined) throw this.#failure;
    this.#decide();
    const orders = await farm.orders();
    for (const session of this.#sessions) session.see(orders);
    for (const number of this.#lostOrders) {
      if (orders.includes(number)) this.#outcomes.ordered++;
      else this.#outcomes.notOrdered++;
    }
    this.#lostOrders.clear();
    this.#hasStorageFailed = false;
    this.#workerCrashesBefore = farm.workerCrashes;
  }
}
