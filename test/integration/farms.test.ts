// Two farms, each a `limpet serve` in a network of its own behind a router with two equal-cost routes, on one PostgreSQL
// database: shoppers fill carts and check out through the router, one farm is killed under load and comes back, and every
// shopper goes on with the very cart that was acknowledged. Runs in a network namespace of its own.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { Agent } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openDatabase } from "../../storage/database.js";
import { migrateApp } from "../../storage/migrations.js";
import { migrations } from "../../workers/shop/migrations.js";
import { type Answer, ask, cookieOf } from "../support/client.js";
import { enterNamespace } from "../support/namespace.js";
import { hasPostgres, startCluster } from "../support/postgres.js";
import { FARM_ADDRESS, type FarmNumber, RoutedFarms } from "../support/router.js";

const limpet = fileURLToPath(new URL("../../core/cli/limpet.js", import.meta.url));
const SHOP = `http://${FARM_ADDRESS}`;
const SHOPPERS = 24;
const ANSWER_TIMEOUT_MS = 1_000;
const SECRET = "a secret that both farms are given";
/** Things in a cart before it is checked out. */
const CART_SIZE = 7;
const JSON_HEADERS = { "content-type": "application/json" };

function sourceOf(number: number): string {
  return `198.19.7.${number + 1}`;
}

/** One buyer with one cookie, who knows what has been acknowledged, and finds out what became of what was not. */
class Shopper {
  readonly source: string;
  readonly faults: string[] = [];
  /** Things in the cart, and orders, that were acknowledged. */
  inCart = 0;
  orders = 0;
  /** Requests answered as they should be, and those that were not answered at all. */
  answered = 0;
  unanswered = 0;
  /** Longest time without an answer, in ms. */
  longestGapMs = 0;
  readonly #product: string;
  #cookie: string | undefined;
  #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #lastAnswerMs = performance.now();

  constructor(source: string, product: string) {
    this.source = source;
    this.#product = product;
  }

  async shop(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      if (this.inCart < CART_SIZE) await this.#add();
      else await this.#checkOut();
    }
    await this.#lookAround();
    this.#agent.destroy();
  }

  async #add(): Promise<void> {
    const before = this.inCart;
    const body = { productId: this.#product, quantity: 1 };
    const answer = await this.#ask("/api/cart/items", body);
    if (answer === undefined) return this.#findOut([before, before + 1]);
    this.#expect(answer, 200, before + 1);
    this.inCart = before + 1;
  }

  /** With a name for the attempt, so that it may be sent again: one checkout is one order. */
  async #checkOut(): Promise<void> {
    const checkout = `checkout-number-${this.orders}`.padEnd(24, "x");
    const body = { checkout, name: "A. Barnacle", address: "The Rock", email: "a@example.org" };
    for (;;) {
      const answer = await this.#ask("/api/checkout", body);
      if (answer === undefined) continue;
      this.#expect(answer, answer.status === 200 ? 200 : 201);
      break;
    }
    this.orders++;
    this.inCart = 0;
  }

  /** Asks until there is an answer what the cart holds now. */
  async #findOut(possible: readonly number[]): Promise<void> {
    for (;;) {
      const answer = await this.#ask("/api/cart");
      if (answer === undefined) continue;
      const { count } = answer.json<{ count: number }>();
      if (!possible.includes(count))
        this.faults.push(`the cart holds ${count}, not ${possible.join(" or ")}`);
      this.inCart = count;
      return;
    }
  }

  /** At the end: the cart and all orders. */
  async #lookAround(): Promise<void> {
    await this.#findOut([this.inCart]);
    const answer = await this.#ask("/api/orders");
    const { orders } = answer?.json<{ orders: unknown[] }>() ?? { orders: [] };
    // The session keeps the latest of them.
    if (orders.length < Math.min(this.orders, 10)) {
      this.faults.push(`${orders.length} orders are shown, and ${this.orders} were acknowledged`);
    }
  }

  #expect(answer: Answer, status: number, count?: number): void {
    const shown = answer.json<{ count?: number }>();
    if (answer.status !== status || (count !== undefined && shown.count !== count)) {
      this.faults.push(
        `${answer.status} ${answer.body.toString().slice(0, 200)}, not ${status} ${count ?? ""}`,
      );
    }
  }

  /** Undefined if there was no answer, or none that says what became of the request. */
  async #ask(path: string, body?: object): Promise<Answer | undefined> {
    try {
      const answer = await Promise.race([
        ask(SHOP + path, {
          agent: this.#agent,
          localAddress: this.source,
          cookie: this.#cookie,
          ...(body && { headers: JSON_HEADERS, body: Buffer.from(JSON.stringify(body)) }),
        }),
        wait(ANSWER_TIMEOUT_MS, undefined, { ref: false }),
      ]);
      if (answer === undefined || answer.status === 503) throw new Error("no answer");
      this.#cookie ??= cookieOf(answer);
      this.answered++;
      this.longestGapMs = Math.max(this.longestGapMs, performance.now() - this.#lastAnswerMs);
      this.#lastAnswerMs = performance.now();
      return answer;
    } catch {
      this.unanswered++;
      this.#agent.destroy();
      this.#agent = new Agent({ keepAlive: true, maxSockets: 1 });
      await wait(20);
      return undefined;
    }
  }
}

if (enterNamespace()) {
  const farms = suite("farms");
  if (hasPostgres()) await registerTests();
  farms.run();

  async function registerTests(): Promise<void> {
    const cluster = await startCluster();
    const networks = new RoutedFarms();
    const url = cluster.createDatabase("shop");
    const processes = new Map<FarmNumber, ChildProcess>();
    farms.after(async () => {
      for (const child of processes.values()) child.kill("SIGKILL");
      networks.remove();
      await cluster.remove();
    });

    /** Makes the shop's tables before the farms do, so that they never know of a product that can be sold out. */
    async function fillShop(): Promise<void> {
      const database = await openDatabase({ client: "postgres", url, durability: "full", coherence: "told" });
      await database.migrate(() => migrateApp(database.knex, migrations));
      await database.knex("shop_products").update({ stock: 1_000_000 });
      await database.close();
    }

    /** Resolves when it is ready. */
    async function start(number: FarmNumber, coherence = "told"): Promise<void> {
      const options = ["--tun", "on", "--address6", "none", "--socket", "none", "--admin", "none"];
      const command = [
        process.execPath,
        limpet,
        "serve",
        "--workers",
        "2",
        "--coherence",
        coherence,
        ...options,
      ];
      const child = spawn(...networks.farms[number].enter(...command), {
        env: { ...process.env, LIMPET_DATABASE: url, LIMPET_SECRET: SECRET },
        stdio: ["ignore", "pipe", "pipe"],
      });
      processes.set(number, child);
      let output = "";
      child.stderr.on("data", (chunk) => (output += chunk));
      await new Promise<void>((resolve, reject) => {
        child.stdout.on("data", (chunk) => {
          output += chunk;
          if (output.includes("ready after")) resolve();
        });
        child.once("exit", (code) => reject(new Error(`farm ${number} ended with ${code}: ${output}`)));
      });
      assert.not.match(output, "barnacle", "the database's password is not shown");
    }

    farms("carts, go on at the other farm, when one is killed under load, and when it is back", async () => {
      await fillShop();
      await Promise.all([start(1), start(2)]);
      const products = cluster.sql("shop", "SELECT id FROM shop_products ORDER BY id").split("\n");
      const shoppers = Array.from(
        { length: SHOPPERS },
        (_, number) => new Shopper(sourceOf(number), products[number % products.length]!),
      );
      const ofFirst = shoppers.filter(({ source }) => networks.farmOf(source) === 1).length;
      assert.ok(ofFirst >= 3 && ofFirst <= SHOPPERS - 3, `both farms have some: the first ${ofFirst}`);
      let isOver = false;
      const shopping = shoppers.map((shopper) => shopper.shop(() => isOver));
      /** Resolves when every shopper has had so many more answers. */
      async function everyoneIsServed(answers: number): Promise<void> {
        const targets = shoppers.map(({ answered }) => answered + answers);
        const latestMs = performance.now() + 20_000;
        while (!shoppers.every(({ answered }, index) => answered >= targets[index]!)) {
          assert.ok(performance.now() < latestMs, "somebody is not served");
          await wait(10);
        }
      }
      await everyoneIsServed(20);
      for (const killed of [1, 2] as const) {
        const survivor = killed === 1 ? 2 : 1;
        const unanswered = shoppers.reduce((sum, shopper) => sum + shopper.unanswered, 0);
        processes.get(killed)!.removeAllListeners("exit").kill("SIGKILL");
        networks.route(survivor);
        await everyoneIsServed(20);
        assert.ok(
          shoppers.reduce((sum, shopper) => sum + shopper.unanswered, 0) > unanswered,
          "it was killed in the middle of something",
        );
        await start(killed);
        networks.route(1, 2);
        await everyoneIsServed(20);
      }
      isOver = true;
      await Promise.all(shopping);
      assert.equal(
        shoppers.flatMap(({ faults }) => faults),
        [],
      );
      const orders = Number(cluster.sql("shop", "SELECT count(*) FROM shop_orders"));
      const acknowledged = shoppers.reduce((sum, shopper) => sum + shopper.orders, 0);
      assert.is(orders, acknowledged, "each checkout is one order");
      const sold = Number(cluster.sql("shop", "SELECT sum(quantity) FROM shop_order_lines"));
      assert.is(sold, acknowledged * CART_SIZE, "each order has the whole cart");
      const gapMs = Math.max(...shoppers.map(({ longestGapMs }) => longestGapMs));
      const answered = shoppers.reduce((sum, shopper) => sum + shopper.answered, 0);
      process.stdout.write(`\n# ${answered} answers, longest wait of a shopper ${Math.round(gapMs)} ms\n`);
    });

    /** Puts one thing into the cart. */
    function buy(productId: string, localAddress: string, cookie?: string): Promise<Answer> {
      const body = Buffer.from(JSON.stringify({ productId, quantity: 1 }));
      return ask(`${SHOP}/api/cart/items`, { localAddress, cookie, headers: JSON_HEADERS, body });
    }

    function countIn(answer: Answer): number {
      return answer.json<{ count: number }>().count;
    }

    /** Fills the cart of one session through both farms in turn. Resolves to how often a farm had an old state of it. */
    async function shopInTurn(): Promise<number> {
      const sources = Array.from({ length: SHOPPERS }, (_, number) => sourceOf(number));
      const [one, two] = [1, 2].map(
        (number) => sources.find((source) => networks.farmOf(source) === number)!,
      );
      const product = cluster.sql("shop", "SELECT min(id) FROM shop_products");
      const cookie = cookieOf(await buy(product, one!));
      let conflicts = 0;
      for (let quantity = 2; quantity <= 20; ) {
        const answer = await buy(product, quantity % 2 === 0 ? two! : one!, cookie);
        if (answer.status === 409 && /^conflict/i.test(answer.body.toString())) conflicts++;
        else assert.is(countIn(answer), quantity++);
        assert.ok(conflicts < 20);
      }
      for (const localAddress of [one!, two!]) {
        assert.is(countIn(await ask(`${SHOP}/api/cart`, { localAddress, cookie })), 20);
      }
      return conflicts;
    }

    farms("one session through both farms, in turn, keeps every change", async () => {
      // Either may hear late of what the other does, the first time: then the change is refused, not lost.
      assert.ok((await shopInTurn()) <= 4);
    });

    farms(
      "database that is stopped, is 503 to what needs it, and all goes on when it is started",
      async () => {
        const product = cluster.sql("shop", "SELECT max(id) FROM shop_products");
        const source = sourceOf(0);
        const cookie = cookieOf(await buy(product, source));
        await cluster.stop();
        const startedMs = performance.now();
        const refused = await buy(product, source, cookie);
        assert.is(refused.status, 503);
        assert.ok(Number(refused.headers["retry-after"]) > 0);
        assert.is((await ask(`${SHOP}/api/cart`, { localAddress: source, cookie })).status, 503);
        assert.is(
          (await ask(`${SHOP}/style.css`, { localAddress: source })).status,
          200,
          "needs no database",
        );
        assert.ok(performance.now() - startedMs < 6_000, "within the bounded wait");
        await cluster.start();
        let answer = await buy(product, source, cookie);
        for (let tries = 0; answer.status === 503 && tries < 100; tries++) {
          await wait(50);
          answer = await buy(product, source, cookie);
        }
        assert.is(countIn(answer), 2, "what was refused was not done");
      },
    );

    farms("farms that ask each time, see every change at once", async () => {
      for (const number of [1, 2] as const) {
        processes.get(number)!.removeAllListeners("exit").kill("SIGKILL");
        await start(number, "asked");
      }
      for (let round = 0; round < 3; round++) assert.is(await shopInTurn(), 0);
    });

    farms("farm that cannot have its database, says why in one sentence, and ends with 2", async () => {
      const refusal = (database: string) => {
        const options = ["--tun", "off", "--socket", "127.0.0.1:0", "--admin", "none"];
        const result = spawnSync(process.execPath, [limpet, "serve", ...options], {
          env: { ...process.env, LIMPET_DATABASE: database, LIMPET_SECRET: SECRET },
          encoding: "utf8",
          timeout: 20_000,
        });
        assert.is(result.status, 2, result.stderr);
        assert.match(result.stderr, /^limpet: [^\n]+\n$/, "one line");
        assert.not.match(result.stderr, /barnacle/);
        return result.stderr;
      };
      assert.match(refusal(url.replace("barnacle", "barnacle2")), /the password is wrong or missing/);
      assert.match(refusal(url.replace("/shop", "/nowhere")), /has no database nowhere/);
      assert.match(refusal("postgres://limpet:barnacle@127.0.0.1:1/shop"), /127\.0\.0\.1:1.*refused/);
      assert.match(refusal("postgres://limpet:barnacle@a,b/shop"), /database.* takes .*, not "postgres:/);
    });
  }
}
