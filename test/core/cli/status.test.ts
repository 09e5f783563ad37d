// `limpet status`: what a person reads, and what a program does.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { statusCommand } from "../../../core/cli/status.js";
import { failure, withFarm } from "./command-fixture.js";

test("status, for people, tells the farm and its workers in plain columns", () =>
  withFarm(async ({ farm, run }) => {
    farm.current.verdicts = Object.fromEntries(
      Object.keys(farm.current.verdicts).map((name) => [name, { "flow-hit": 7, "new-flow": 9 }[name] ?? 0]),
    ) as typeof farm.current.verdicts;
    assert.is(
      await run(statusCommand),
      `limpet 1.2.3 is ready, up 1 min 40 s
  open     http://198.18.0.1/
  link     a link
  workers  2 of 2 serving, policy least-loaded
  flows    21 of 41 sources; 6.1 % of the table's 1024 entries
  packets  new-flow 9, flow-hit 7
  pool     200 of 256 slots free, 12 of 16 large ones
  storage  serving, started anew 3 times

worker  state    weight  flows  sources  in flight  connections  requests  failures
     0  serving     100     10       20         30           40      1000         0
     1  serving     100     11       21         31           41      2000         1
worker 1 failed last: ran out of  [31mluck
`.replace("a link\n", "a link \n"),
    );
  }));

test("status, of a farm whose links could not take everything, says what", () =>
  withFarm(async ({ farm, run }) => {
    farm.current.drops = { oversize: 2, noSlot: 40, noRoom: 0 };
    assert.match(await run(statusCommand), /\n {2}drops {4}noSlot 40, oversize 2\n/);
  }));

test("status, of a farm with faults on purpose, says what was done in each direction", () =>
  withFarm(async ({ farm, run }) => {
    const none = { dropped: 0, duplicated: 0, corrupted: 0, reordered: 0, overflowed: 0 };
    farm.current.faults = { received: { ...none, dropped: 3, reordered: 12 }, sent: none };
    const lines = /\n {2}faults {3}received: reordered 12, dropped 3\n {2}faults {3}sent: none yet\n/;
    assert.match(await run(statusCommand), lines);
  }));

test("status, of a farm that does not serve, says so first", () =>
  withFarm(async ({ farm, run }) => {
    Object.assign(farm.current, { isReady: false, uptimeSeconds: 0, workers: [], flowEntries: 0 });
    assert.match(await run(statusCommand), /^limpet 1\.2\.3 is not ready, up 0 s\n/);
    farm.current.isDraining = true;
    assert.match(await run(statusCommand), /^limpet 1\.2\.3 drains, up 0 s\n/);
  }));

test("status, as JSON, is the farm's status", () =>
  withFarm(async ({ farm, run }) => {
    assert.equal(JSON.parse(await run(statusCommand, "--json")), JSON.parse(JSON.stringify(farm.status())));
  }));

test("status, on a terminal with colours, has a bold head and no other escapes, whatever the farm says", () =>
  withFarm(
    async ({ run }) => {
      const output = await run(statusCommand);
      assert.match(output, "\u001b[1mworker");
      assert.is(output.split("\u001b").length, 3);
    },
    { hasColors: true },
  ));

test("status, with a flag or parameter that is none, is refused", () =>
  withFarm(async ({ run }) => {
    assert.match((await failure(run(statusCommand, "--verbose"))).message, /unknown option/);
    assert.match((await failure(run(statusCommand, "now"))).message, /too many arguments/);
  }));

test.run();
