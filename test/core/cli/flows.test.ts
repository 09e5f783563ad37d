// `limpet flows`: list, count and remove, by any part of a filter.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { flowsCommand } from "../../../core/cli/flows.js";
import { failure, withFarm } from "./command-fixture.js";

test("flows, without a filter, lists all in plain columns", () =>
  withFarm(async ({ run }) => {
    const lines = (await run(flowsCommand)).trimEnd().split("\n");
    assert.is(lines.length, 9);
    assert.is(
      lines[0],
      "kind  protocol  source            destination    state        worker       idle  flows",
    );
    assert.is(lines[4], "flow  tcp       198.18.0.3:40000  198.18.9.1:80  established       3  1 min 5 s");
  }));

test("flows, with each filter flag, asks for what it names", () =>
  withFarm(async ({ run }) => {
    const cases: readonly (readonly [number, ...string[]])[] = [
      [8, "--kind", "flow"],
      [0, "--kind", "source"],
      [2, "--worker", "3"],
      [8, "--state", "established"],
      [0, "--protocol", "udp"],
      [1, "--source", "198.18.0.5"],
      [4, "--source", "198.18.0.4/30"],
      [8, "--destination", "198.18.9.1"],
      [8, "--port", "80"],
      [0, "--port", "81"],
      [8, "--min-idle-seconds", "65"],
      [0, "--min-idle-seconds", "65.5"],
      [1, "--worker", "1", "--source", "198.18.0.4/30"],
    ];
    for (const [count, ...flags] of cases) {
      assert.is(await run(flowsCommand, ...flags, "--count"), `${count}\n`, flags.join(" "));
      const { entries } = JSON.parse(await run(flowsCommand, ...flags, "--json"));
      assert.is(entries.length, count, flags.join(" "));
    }
    assert.is(await run(flowsCommand, "--protocol", "udp"), "none\n");
  }));

test("flows, more than the limit, says that there are more", () =>
  withFarm(async ({ run }) => {
    const output = await run(flowsCommand, "--limit", "2");
    assert.is(output.split("\n").filter((line) => line.startsWith("flow")).length, 2);
    assert.match(output, /\nand more: /);
    assert.equal(JSON.parse(await run(flowsCommand, "--limit", "2", "--json")).hasMore, true);
    assert.not.match(await run(flowsCommand, "--limit", "8"), /and more/);
  }));

test("flows, to be deleted, need a filter or --all", () =>
  withFarm(async ({ run }) => {
    const both = /^--delete needs either a filter, or --all/;
    assert.match((await failure(run(flowsCommand, "--delete"))).message, both);
    assert.match((await failure(run(flowsCommand, "--delete", "--all", "--worker", "1"))).message, both);
    assert.match((await failure(run(flowsCommand, "--all"))).message, /^--all is only for --delete$/);
    assert.match((await failure(run(flowsCommand, "--delete", "--count"))).message, /cannot be used with/);
    assert.match(
      (await failure(run(flowsCommand, "--count", "--limit", "2"))).message,
      /cannot be used with/,
    );
    assert.is(await run(flowsCommand, "--count"), "8\n");
    assert.is(await run(flowsCommand, "--delete", "--worker", "1"), "2 removed\n");
    assert.equal(JSON.parse(await run(flowsCommand, "--delete", "--all", "--json")), { removed: 6 });
    assert.is(await run(flowsCommand, "--count"), "0\n");
  }));

test("flows, with a part that cannot be, has the farm's sentence about it", () =>
  withFarm(async ({ run }) => {
    const error = await failure(run(flowsCommand, "--source", "here"));
    assert.equal([error.code, /^source takes an address/.test(error.message)], ["refused", true]);
    assert.match((await failure(run(flowsCommand, "--limit", "0"))).message, /^limit takes a whole number/);
    assert.match((await failure(run(flowsCommand, "--worker", "two"))).message, /^worker takes a number/);
  }));

test.run();
