// The session layer in random order against a model that fits on a page: what was acknowledged is there for every later
// request, whichever worker it reaches, whatever was evicted, forgotten, refused or thrown in between.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HttpResponse, StorageError } from "../../../workers/app/app.js";
import { Client, type Handler, SessionFarm, type Worker } from "../../support/session-farm.js";
import { settle } from "../../support/settle.js";

const MINUTE_MS = 60_000;
const IDLE_EXPIRY_MS = 60 * MINUTE_MS;
const OPTIONS = { idleExpiryMs: IDLE_EXPIRY_MS, cacheTtlMs: 20 * MINUTE_MS, cacheBytes: 4_000 };

/** "/step": sets "value", or does what its name says. Answers with the state as it then is. */
const stepping: Handler = (request, { session }) => {
  const [step, argument] = request.path.slice(1).split("/");
  const answer = () => HttpResponse.json(session.state.value ?? null);
  switch (step) {
    case "set":
      session.state.value = argument;
      return answer();
    case "set-later":
      session.state.value = argument;
      return settle().then(answer);
    case "set-and-throw":
      session.state.value = argument;
      throw new Error("thrown");
    case "order":
    case "order-refused":
      session.state.value = argument;
      return session.commitWith(step, argument).then(answer);
    case "regenerate":
      session.regenerate();
      return answer();
    case "destroy":
      session.destroy();
      return answer();
    default:
      return answer();
  }
};

const WRITES = new Set(["set", "set-later", "order"]);

interface Step {
  readonly client: number;
  readonly worker: number;
  readonly step: string;
  readonly isDown: boolean;
}

const request = fc.record({
  client: fc.nat(2),
  worker: fc.nat(1),
  step: fc.constantFrom(
    ...[
      "read",
      "read",
      "set",
      "set",
      "set-later",
      "set-and-throw",
      "order",
      "order-refused",
      "regenerate",
      "destroy",
    ],
  ),
  isDown: fc.nat(9).map((roll) => roll === 0),
});
const event = fc.oneof(
  { weight: 6, arbitrary: request },
  { weight: 1, arbitrary: fc.constantFrom("forget directory", "evict", "restart") },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 29 }).map((minutes) => ({ minutes })) },
);

/** What a client must find: the last value that was acknowledged to it. */
class Model {
  readonly client: Client = new Client();
  value: string | null = null;

  /** Checks an answer and takes in what it acknowledges. */
  take(step: Step, argument: string, status: number, body: unknown): void {
    if (step.step === "set-and-throw" || step.step === "order-refused") {
      assert.ok(status === 500 || (step.isDown && status === 503), `${step.step}: ${status}`);
    } else if (status === 503) {
      assert.ok(step.isDown, "503 with the database up");
    } else {
      assert.is(status, 200);
      if (WRITES.has(step.step)) this.value = argument;
      if (step.step === "destroy") this.value = null;
      assert.is(body, this.value);
    }
  }
}

async function runStep(farm: SessionFarm, workers: Worker[], models: Model[], step: Step, argument: string) {
  const model = models[step.client]!;
  farm.storage.failure = step.isDown ? new StorageError("unavailable", "down") : undefined;
  const method = step.step === "read" ? "GET" : "POST";
  const response = await model.client.send(workers[step.worker]!, `/${step.step}/${argument}`, method);
  const { status } = response;
  model.take(step, argument, status, status === 200 ? JSON.parse(String(response.body)) : undefined);
  await settle();
  farm.storage.failure = undefined;
}

test("state, after any sequence of requests on two workers, is what was last acknowledged", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 60 }), async (events) => {
      const farm = new SessionFarm();
      farm.storage.procedures.set("order", () => "done");
      farm.storage.procedures.set("order-refused", () => {
        throw new Error("refused");
      });
      const workers = [farm.worker(stepping, OPTIONS), farm.worker(stepping, OPTIONS)];
      const models = [new Model(), new Model(), new Model()];
      for (const [index, happening] of events.entries()) {
        if (happening === "forget directory") farm.storage.known.clear();
        else if (happening === "evict") {
          for (const { client } of models) if (client.id) workers[index % 2]!.sessions.forget(client.id);
        } else if (happening === "restart") workers[index % 2] = farm.worker(stepping, OPTIONS);
        else if (typeof happening === "string") throw new Error(happening);
        else if ("minutes" in happening) {
          // Everyone reads often enough for their sessions to go on: at the latest after half of the time.
          farm.nowMs += happening.minutes * MINUTE_MS;
          for (const client of models.keys()) {
            const step = { client, worker: index % 2, step: "read", isDown: false };
            await runStep(farm, workers, models, step, "");
          }
        } else await runStep(farm, workers, models, happening, `value ${index}`);
      }
      for (const client of models.keys()) {
        for (const worker of [0, 1]) {
          await runStep(farm, workers, models, { client, worker, step: "read", isDown: false }, "");
        }
      }
      assert.is(workers[0]!.sessions.turns.size + workers[1]!.sessions.turns.size, 0);
    }),
    { numRuns: 300 },
  );
});

test("increments, from two workers at once in any order, are lost exactly when they were refused", async () => {
  const incrementing: Handler = async (request, { session }) => {
    const before = (session.state.count as number) ?? 0;
    if (request.method === "GET") return HttpResponse.json(before);
    if (request.path === "/slow") await Promise.resolve();
    session.state.count = before + 1;
    return HttpResponse.json(before + 1);
  };
  const kind = fc.record({
    worker: fc.nat(1),
    method: fc.constantFrom("GET", "POST", "POST"),
    path: fc.constantFrom("/", "/slow"),
  });
  let conflicts = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(kind, { minLength: 2, maxLength: 16 }),
      async (scheduler, kinds) => {
        const farm = new SessionFarm();
        const workers = [farm.worker(incrementing), farm.worker(incrementing)];
        const client = new Client();
        await client.send(workers[0]!);
        farm.storage.latency = (what) => scheduler.schedule(Promise.resolve(), what);
        let acknowledged = 0;
        const counted: number[] = [];
        const answers = kinds.map(async ({ worker, method, path }) => {
          const atLeast = acknowledged;
          const response = await client.send(workers[worker]!, path, method);
          if (response.status === 409) {
            conflicts++;
            return;
          }
          assert.is(response.status, 200);
          const count = JSON.parse(String(response.body)) as number;
          assert.ok(count >= atLeast, "a request must see what was acknowledged before it came");
          if (method === "POST") {
            acknowledged++;
            counted.push(count);
          }
        });
        await scheduler.waitFor(Promise.all(answers));
        farm.storage.latency = () => Promise.resolve();
        assert.equal(
          counted.sort((a, b) => a - b),
          Array.from({ length: acknowledged }, (_, index) => index + 1),
        );
        for (const worker of workers) {
          assert.is(JSON.parse(String((await client.send(worker)).body)), acknowledged);
        }
      },
    ),
    { numRuns: 300 },
  );
  assert.ok(conflicts > 0, "the schedules must bring about conflicts");
});

test.run();
