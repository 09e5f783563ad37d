// The crash test: a farm under load that is broken over and over by a seeded schedule, while every client remembers what it was
// told; afterwards all of it is held against the farm and the database.

import type { Route } from "../../benchmarks/shoppers/exchange.js";
import { Random } from "../../benchmarks/support/random.js";
import type { BreakableDatabase } from "./breakable-database.js";
import { checkDatabase, type DatabaseCounts, readStock, type Stock } from "./database-check.js";
import { FarmProcess } from "./farm-process.js";
import { FAULT_KINDS, type Fault, type FaultKind } from "./faults.js";
import { type Injected, injectAll } from "./injector.js";
import { type Recovery, ServiceWatch } from "./service-watch.js";
import { Shopper, Tally } from "./shopper.js";
import { Violation, type Visitor } from "./visitor.js";

export interface ChaosOptions {
  /** Of what the clients do. */
  readonly seed: number;
  /** An empty one; it is the caller's to remove. */
  readonly database: BreakableDatabase;
  readonly schedule: readonly Fault[];
  readonly clients: number;
  readonly workers: number;
  /** Half of the routes lead over a TUN device. Needs a network namespace of our own. */
  readonly withTun: boolean;
  /** Told about each fault. */
  readonly onFault?: (number: number, injected: Injected) => void;
  /** Called with what must be in the database, once it is. For tests of the check itself. */
  readonly inspect?: (visitors: readonly Visitor[], stock: Stock) => Promise<void>;
}

/** Of a kind that was injected. */
export interface FaultFigure {
  readonly kind: FaultKind;
  readonly count: number;
  /** Of those that nothing else lay on top of. */
  readonly recoveries: readonly Recovery[];
}

export interface ChaosReport {
  /** The first thing that must not be; undefined if there is none. */
  readonly violation: string | undefined;
  readonly faults: readonly FaultFigure[];
  readonly tally: Tally;
  readonly visitors: number;
  /** Undefined if the database was not looked at, for it had failed before. */
  readonly database: DatabaseCounts | undefined;
  readonly workersFailed: number;
  readonly storagesFailed: number;
  /** Ends of the process that nobody had asked for, by their signal or exit code. */
  readonly deaths: Readonly<Record<string, number>>;
  readonly failedStarts: number;
  readonly seconds: number;
}

/** How long a farm that nobody breaks any more may take to show a session. */
const FINAL_LOOK_TIMEOUT_MS = 20_000;

/** Runs the test. Does not reject for a violation: the report has it. */
export function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  return new Chaos(options).run();
}

class Chaos {
  readonly #options: ChaosOptions;
  readonly #tally = new Tally();
  readonly #injected: Injected[] = [];
  #shoppers: Shopper[] = [];

  constructor(options: ChaosOptions) {
    this.#options = options;
  }

  async run(): Promise<ChaosReport> {
    const startedMs = performance.now();
    const { workers, withTun, database } = this.#options;
    const farm = await FarmProcess.start({ environment: database.environment, workers, withTun });
    let violation: string | undefined;
    let counts: DatabaseCounts | undefined;
    try {
      counts = await this.#breakAndCheck(farm);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      violation = error.message;
    } finally {
      for (const shopper of this.#shoppers) shopper.destroy();
      farm.destroy();
    }
    const { workersFailed, storagesFailed, deaths, failedStarts } = farm;
    const faults = FAULT_KINDS.flatMap((kind) => {
      const own = this.#injected.filter((one) => one.kind === kind);
      const recoveries = own.flatMap(({ recovery }) => recovery ?? []);
      return own.length === 0 ? [] : { kind, count: own.length, recoveries };
    });
    return {
      violation,
      faults,
      tally: this.#tally,
      visitors: this.#visitors.length,
      database: counts,
      workersFailed,
      storagesFailed,
      deaths,
      failedStarts,
      seconds: (performance.now() - startedMs) / 1000,
    };
  }

  get #visitors(): Visitor[] {
    return this.#shoppers.flatMap(({ visitors }) => visitors);
  }

  async #breakAndCheck(farm: FarmProcess): Promise<DatabaseCounts> {
    const { database, schedule, clients, onFault, inspect } = this.#options;
    const stock = await database.read(readStock);
    const watch = new ServiceWatch(clients);
    this.#shoppers = Array.from({ length: clients }, (_, number) => this.#shopper(number, farm, watch));
    const shopping = Promise.all(this.#shoppers.map((shopper) => shopper.run()));
    const parts = { farm, shoppers: this.#shoppers, watch, database };
    const breaking = async () => {
      for await (const injected of injectAll(schedule, parts)) {
        this.#injected.push(injected);
        onFault?.(this.#injected.length, injected);
      }
      for (const shopper of this.#shoppers) shopper.stop();
    };
    await Promise.all([shopping, breaking()]);
    await farm.ready();
    await this.#lookAtAll();
    const code = await farm.end();
    if (code !== 0) throw new Violation(`the farm has ended with ${code}, not 0:\n${farm.log}`);
    const counts = await database.read((knex) => checkDatabase(knex, this.#visitors, stock));
    await inspect?.(this.#visitors, stock);
    return counts;
  }

  #shopper(number: number, farm: FarmProcess, watch: ServiceWatch): Shopper {
    const random = new Random(this.#options.seed * 1_000_003 + number);
    const route = (chance: Random) => this.#route(chance, farm);
    return new Shopper({ number, random, tally: this.#tally, watch, route });
  }

  /** One of some hundred addresses, so that a client that moves comes to another worker, and some share one. */
  #route(random: Random, farm: FarmProcess): Route {
    const host = `${random.below(4)}.${1 + random.below(60)}`;
    if (this.#options.withTun && random.below(2) === 1)
      return { url: new URL("http://198.18.0.1:80/"), localAddress: `198.19.${host}` };
    return { url: farm.socketUrl, localAddress: `127.1.${host}` };
  }

  /** Through the farm: every session that has a name shows what it must. */
  async #lookAtAll(): Promise<void> {
    await Promise.all(
      this.#shoppers.map(async (shopper) => {
        for (const visitor of shopper.visitors) {
          if (visitor.cookie === undefined) continue;
          const giveUpAtMs = performance.now() + FINAL_LOOK_TIMEOUT_MS;
          while (!(await shopper.look(visitor, true))) {
            if (performance.now() > giveUpAtMs)
              throw visitor.violation("the farm does not show it any more", []);
          }
        }
      }),
    );
  }
}
