// What benchmarks are told on the command line, and what they refuse.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { connections } from "../../benchmarks/connections.js";
import { dispatch } from "../../benchmarks/dispatch.js";
import { failover } from "../../benchmarks/failover.js";
import { flood } from "../../benchmarks/flood.js";
import { http } from "../../benchmarks/http.js";
import { sessions } from "../../benchmarks/sessions.js";
import { type Benchmark, benchmarkCommand } from "../../benchmarks/support/benchmark.js";
import { seconds, secondsOrNone } from "../../benchmarks/support/parameters.js";
import { tune } from "../../benchmarks/tune/tune.js";
import { failure, runCommand } from "../core/cli/command-fixture.js";

const MAX_TIMER_MS = 2 ** 31 - 1;

/** What a benchmark says of these parameters before it begins. */
function refusal<Options, Figures>(benchmark: Benchmark<Options, Figures>, ...parameters: string[]) {
  return failure(runCommand(benchmarkCommand(benchmark), parameters));
}

test("times, longer than a timer takes, which would be over at once, are refused in a sentence", async () => {
  for (const { message, code } of [
    await refusal(dispatch, "--time-limit", "2000001"),
    await refusal(tune, "--seconds", "2147484"),
    await refusal(http, "--seconds", "2147484"),
    await refusal(flood, "--seconds", "2147484"),
    await refusal(connections, "--seconds", "2147484"),
    await refusal(sessions, "--seconds", "1e99"),
  ]) {
    assert.match(message, /argument '\w+' is invalid\. It takes a whole number from 1 to 2000000\.$/);
    assert.is(code, "commander.invalidArgument");
  }
  assert.match((await refusal(failover, "--rest-seconds", "2147484")).message, "from 0 to 2000000");
  assert.match((await refusal(failover, "--pause-ms", "2147483648")).message, "from 1 to 60000");
});

test("seconds, up to the longest, are times of a timer, with an hour left for what is added", () => {
  assert.ok(seconds("2000000") * 1000 < MAX_TIMER_MS - 3_600_000);
  assert.equal([seconds("1"), secondsOrNone("0")], [1, 0]);
  assert.throws(() => seconds("0"), /from 1 to/);
});

test("paths, that are empty, are refused in a sentence", async () => {
  for (const { message, code } of [
    await refusal(tune, "--html", ""),
    await refusal(tune, "--app", ""),
    await refusal(tune, "--requests", ""),
    await refusal(http, "--folder", ""),
    await refusal(sessions, "--folder", ""),
  ]) {
    assert.match(message, /argument '' is invalid\. It takes a path\.$/);
    assert.is(code, "commander.invalidArgument");
  }
});

test.run();
