// `limpet workers`, `limpet drain` and `limpet reload`: list, change and wait.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { drainCommand } from "../../../core/cli/drain.js";
import { reloadCommand } from "../../../core/cli/reload.js";
import { workersCommand } from "../../../core/cli/workers.js";
import { withResolvers } from "../admin/fake-farm.js";
import { failure, withFarm } from "./command-fixture.js";

test("workers, without a number, lists them and changes nothing", () =>
  withFarm(async ({ farm, run }) => {
    const output = await run(workersCommand);
    assert.match(output, /^worker {2}state .*\n {5}0 {2}serving .*\n {5}1 {2}serving /);
    assert.match(output, /\n2 of 2 workers serving\n$/);
    const { workers, targetWorkers } = JSON.parse(await run(workersCommand, "--json"));
    assert.equal([workers.length, targetWorkers, workers[1].counts.requests], [2, 2, 20_000]);
    assert.equal(farm.calls, []);
  }));

test("workers, with a number or auto, resizes and waits", () =>
  withFarm(async ({ farm, run }) => {
    const gate = withResolvers();
    farm.change = () => {
      setImmediate(gate.resolve);
      return gate.promise;
    };
    assert.match(await run(workersCommand, "5"), /\n2 of 5 workers serving\n$/);
    assert.is(JSON.parse(await run(workersCommand, "auto", "--json")).targetWorkers, 7);
    assert.equal(farm.calls, ["resize 5", "resize auto"]);
  }));

test("changes, with --no-wait, return while they go on", () =>
  withFarm(async ({ farm, run }) => {
    const gate = withResolvers();
    farm.change = () => gate.promise;
    for (const [make, ...parameters] of [
      [workersCommand, "5"],
      [drainCommand, "1"],
      [reloadCommand],
    ] as const)
      assert.match(await run(make, ...parameters, "--no-wait"), /\n2 of 2 workers serving\n$/);
    assert.equal(farm.calls, ["resize 5", "drain 1", "reload"]);
    gate.resolve();
  }));

test("workers, with what is no number of workers, says what it takes", () =>
  withFarm(async ({ farm, run }) => {
    for (const wrong of ["0", "65", "many", "1.5", "0x4", ""]) {
      const error = await failure(run(workersCommand, wrong));
      assert.match(error.message, /^workers takes auto or a (whole )?number/, wrong);
      assert.ok(error.code);
    }
    assert.equal(farm.calls, []);
  }));

test("drain, takes a worker out and shows those that are left; without a number, it asks for one", () =>
  withFarm(async ({ farm, run }) => {
    const output = await run(drainCommand, "0");
    assert.match(output, /\n {5}1 {2}serving /);
    assert.match(output, /\n1 of 1 workers serving\n$/);
    assert.match((await failure(run(drainCommand))).message, /missing required argument 'worker'/);
    assert.equal(farm.calls, ["drain 0"]);
  }));

test("reload, waits for the farm, and says why it failed", () =>
  withFarm(async ({ farm, run }) => {
    assert.match(await run(reloadCommand), /workers serving\n$/);
    farm.change = async () => {
      throw Object.assign(new Error("app.js does not load"), { code: "worker_start_failed" });
    };
    const error = await failure(run(reloadCommand));
    assert.equal([error.code, error.message], ["refused", "app.js does not load"]);
  }));

test.run();
