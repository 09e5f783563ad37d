// `limpet top`: rates from two looks, lines for programs, and a terminal that is left as it was found. A clock by hand.

import { EventEmitter } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Look, ratesOver } from "../../../core/cli/rates.js";
import type { Terminal } from "../../../core/cli/screen.js";
import { type Clock, topCommand } from "../../../core/cli/top.js";
import type { FakeFarm } from "../admin/fake-farm.js";
import { failure, runCommand, withFarm } from "./command-fixture.js";

/** Each pause is over at once, after `meanwhile` has had its turn. */
function clockWith(meanwhile: (pause: number) => void): Clock {
  let [now, pauses] = [0, 0];
  return {
    now: () => now,
    pause: async (ms) => {
      now += ms;
      meanwhile(++pauses);
    },
  };
}

/** A second of work: 100 requests of worker 0, 50 of them wrong, 40 packets, 10 new flows. */
function work(farm: FakeFarm): void {
  const { workers, verdicts, flowCounters } = farm.current;
  farm.current.uptimeSeconds++;
  farm.current.workers = workers.map((one) =>
    one.worker === 0 ? { ...one, requests: one.requests + 100 } : one,
  );
  const counts = farm.counts.get(0)!;
  farm.counts.set(0, { ...counts, responses_5xx: counts.responses_5xx + 50 });
  farm.current.verdicts = { ...verdicts, "flow-hit": verdicts["flow-hit"] + 40 };
  farm.current.flowCounters = { ...flowCounters, flows_started: flowCounters.flows_started + 10 };
}

class FakeTerminal implements Terminal {
  written = "";
  readonly raw: boolean[] = [];
  readonly input: Terminal["input"];
  readonly output: { write: (text: string) => void; isTTY: boolean; rows: number };

  constructor(isTTY: boolean, rows = 50) {
    this.input = Object.assign(new EventEmitter(), {
      setRawMode: (isRaw: boolean) => this.raw.push(isRaw),
      resume: () => {},
      pause: () => {},
    });
    this.output = { write: (text) => (this.written += text), isTTY, rows };
  }

  /** The screens that were drawn, as lines. */
  get screens(): string[][] {
    return this.written
      .split("\u001b[H")
      .slice(1)
      .map((screen) =>
        screen
          .split("\u001b[J")[0]!
          .split("\r\n")
          .map((line) => line.replace("\u001b[K", "")),
      );
  }
}

const ENTERED = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const LEFT = "\u001b[?7h\u001b[?25h\u001b[?1049l";
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "exit"] as const;
const listeners = () => SIGNALS.map((name) => process.listenerCount(name));

test("top --json, prints a line a look with the rates since the one before", () =>
  withFarm(async ({ farm, run }) => {
    const clock = clockWith(() => work(farm));
    const make = (environment: Record<string, string | undefined>) =>
      topCommand(environment, new FakeTerminal(true), clock);
    const lines = (await run(make, "--json", "--count", "4")).trimEnd().split("\n");
    assert.is(lines.length, 4);
    for (const line of lines) {
      const look = JSON.parse(line);
      assert.equal(
        [look.requestsPerSecond, look.errorsPerSecond, look.packetsPerSecond, look.flowsPerSecond],
        [100, 50, 40, 10],
      );
      assert.equal(
        look.workers.map((one: { requestsPerSecond: number }) => one.requestsPerSecond),
        [100, 0],
      );
      assert.not("counts" in look.workers[0]);
    }
  }));

test("top, without a terminal, prints plain tables", () =>
  withFarm(async ({ farm, run }) => {
    const terminal = new FakeTerminal(false);
    const clock = clockWith(() => work(farm));
    const output = await run((environment) => topCommand(environment, terminal, clock), "--count", "2");
    assert.is(
      output.slice(output.indexOf("\n\nlimpet") + 2),
      `limpet 1.2.3 is ready, up 1 min 42 s, policy least-loaded
requests/s 100   5xx/s 50   packets/s 40   new flows/s 10
flows 21   sources 41   table 6.1 %   pool 21.9 %   storage serving

worker  state    req/s  5xx/s  in flight  connections  flows  sources  failed
     0  serving    100     50         30           40     10       20       0
     1  serving      0      0         31           41     11       21       1

`,
    );
    assert.is(output.split("limpet 1.2.3").length, 3, "two tables");
    assert.is(terminal.written, "");
  }));

test("top, on a terminal, draws at once, then with rates, and gives the terminal back", () =>
  withFarm(async ({ farm, run }) => {
    const before = listeners();
    const terminal = new FakeTerminal(true);
    const clock = clockWith(() => work(farm));
    assert.is(await run((environment) => topCommand(environment, terminal, clock), "--count", "2"), "");
    assert.ok(terminal.written.startsWith(ENTERED));
    assert.ok(terminal.written.endsWith(LEFT));
    assert.equal(terminal.raw, [true, false]);
    assert.is(terminal.input.listenerCount("data"), 0);
    assert.equal(listeners(), before);
    const [first, second, third] = terminal.screens;
    assert.match(first![1]!, /^requests\/s - {3}5xx\/s -/);
    assert.match(second![1]!, /^requests\/s 100 {3}5xx\/s 50/);
    assert.match(third![0]!, /up 1 min 42 s/);
    assert.match(third![5]!, /^ +0 +serving +100 +50 /);
  }));

for (const [name, key] of [
  ["q", "q"],
  ["Q among others", "xQx"],
  ["Ctrl-C", Buffer.from([3])],
] as const) {
  test(`top, on a terminal, ends with ${name}, and draws no more`, () =>
    withFarm(async ({ run }) => {
      const terminal = new FakeTerminal(true);
      const clock = clockWith((pause) => {
        terminal.input.emit("data", "x");
        if (pause === 3) terminal.input.emit("data", key);
      });
      await run((environment) => topCommand(environment, terminal, clock));
      assert.is(terminal.screens.length, 3);
      assert.ok(terminal.written.endsWith(LEFT));
    }));
}

test("top, on a terminal, told to end by a signal, gives it back", () =>
  withFarm(async ({ run }) => {
    const terminal = new FakeTerminal(true);
    const clock = clockWith(() => process.emit("SIGTERM"));
    await run((environment) => topCommand(environment, terminal, clock));
    assert.ok(terminal.written.endsWith(LEFT));
  }));

test("top, on a terminal with few rows, draws no more than they hold", () =>
  withFarm(async ({ run }) => {
    const terminal = new FakeTerminal(true, 3);
    await run(
      (environment) =>
        topCommand(
          environment,
          terminal,
          clockWith(() => {}),
        ),
      "--count",
      "1",
    );
    assert.equal(
      terminal.screens.map((screen) => screen.length),
      [3, 3],
    );
    const sizeless = new FakeTerminal(true, 0);
    await run(
      (environment) =>
        topCommand(
          environment,
          sizeless,
          clockWith(() => {}),
        ),
      "--count",
      "1",
    );
    assert.is(sizeless.screens[1]!.length, 7, "one that does not know its size gets all");
  }));

test("top, on a terminal, while the farm cannot answer, says why above what it last saw, and goes on", () =>
  withFarm(async ({ farm, run }) => {
    const terminal = new FakeTerminal(true);
    const clock = clockWith((pause) => {
      farm.trouble = pause === 1 ? Object.assign(new Error("it is not well"), { code: "sick" }) : undefined;
    });
    await run((environment) => topCommand(environment, terminal, clock), "--count", "2");
    const [, second, third] = terminal.screens;
    assert.equal([second![0], third![0]!.startsWith("limpet 1.2.3")], ["it is not well", true]);
    assert.match(second![1]!, /^limpet 1\.2\.3/);
  }));

test("top, without a farm to begin with, leaves the terminal alone", async () => {
  const terminal = new FakeTerminal(true);
  const command = topCommand(
    { LIMPET_ADMIN: "unix:/nowhere/limpet.sock" },
    terminal,
    clockWith(() => {}),
  );
  assert.is((await failure(runCommand(command, []))).code, "no_farm");
  assert.is(terminal.written, "");
});

test("top, of a farm that goes away between two lines, ends with the sentence", () =>
  withFarm(async ({ farm, run }) => {
    const clock = clockWith((pause) => {
      if (pause === 2) farm.trouble = Object.assign(new Error("it is not well"), { code: "sick" });
    });
    const make = (environment: Record<string, string | undefined>) =>
      topCommand(environment, new FakeTerminal(false), clock);
    assert.is((await failure(run(make, "--json"))).message, "it is not well");
  }));

test("top, with a count that is none, says what it takes", () =>
  withFarm(async ({ run }) => {
    for (const wrong of ["0", "-1", "ten", "1.5", ""])
      assert.match(
        (await failure(run(topCommand, "--count", wrong))).message,
        /^--count takes a whole number/,
      );
  }));

function lookAt(farm: FakeFarm, atMs: number): Look {
  const workers = farm.current.workers.map((one) => ({ ...one, counts: farm.counts.get(one.worker)! }));
  return { atMs, status: { ...farm.current }, workers };
}

const without = (look: Look, worker: number): Look => ({
  ...look,
  workers: look.workers.filter((one) => one.worker !== worker),
});

test("rates, of a farm that was started anew, of no time, or of a new worker, are none", () =>
  withFarm(async ({ farm }) => {
    const first = lookAt(farm, 0);
    assert.is(ratesOver([]), undefined);
    assert.is(ratesOver([first]), undefined);
    assert.is(ratesOver([first, lookAt(farm, 0)]), undefined);
    work(farm);
    const second = lookAt(farm, 2000);
    assert.is(ratesOver([first, second])?.requestsPerSecond, 50, "of two seconds");
    assert.equal([...ratesOver([{ ...first, workers: [] }, second])!.workers], []);
    farm.current.uptimeSeconds = 1;
    assert.is(ratesOver([second, lookAt(farm, 3000)]), undefined);
  }));

test("rates, while workers come and go, are of all that was done", () =>
  withFarm(async ({ farm }) => {
    const looks = [lookAt(farm, 0)];
    for (let n = 1; n <= 3; n++) {
      work(farm);
      looks.push(lookAt(farm, n * 1000));
    }
    assert.is(ratesOver(looks)!.requestsPerSecond, 100);
    const [first, second, third, last] = looks as [Look, Look, Look, Look];
    const gone = ratesOver([first, second, third, without(last, 0)])!;
    assert.is(Math.round(gone.requestsPerSecond), 67, "of what it did until it went");
    assert.equal([...gone.workers.keys()], [1]);
    const come = ratesOver([without(first, 0), second, third, last])!;
    assert.is(Math.round(come.requestsPerSecond), 67);
    assert.is(come.workers.get(0)!.requestsPerSecond, 100, "of the time that it was there");
  }));

test.run();
