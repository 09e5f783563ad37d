// The benchmarks of the workers' TCP at a small size: virtual time repeats itself to the bit, so that here figures may be asserted.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type CongestionFigures,
  type CongestionOptions,
  runCongestion,
} from "../../benchmarks/congestion.js";

const limpet = fileURLToPath(new URL("../../core/cli/limpet.js", import.meta.url));

const OPTIONS: CongestionOptions = {
  algorithms: ["new-reno", "cubic"],
  lossPercent: [0, 1],
  roundTripMs: [1, 20],
  megabitsPerSecond: 100,
  seconds: 3,
  rounds: 1,
  responses: 200,
  responseKib: [1, 16],
  seed: 1,
};

function bench(...parameters: string[]): unknown {
  const result = spawnSync(process.execPath, [limpet, "bench", ...parameters, "--json"], {
    encoding: "utf8",
    timeout: 120_000,
  });
  assert.is(result.status, 0, result.stderr);
  return JSON.parse(result.stdout).figures;
}

const figures = runCongestion(OPTIONS);

test("congestion, without loss, fills the path, without a timeout and with nothing sent needlessly", () => {
  for (const { goodput, timeouts, needless } of figures.transfers.filter(
    ({ lossPercent }) => lossPercent === 0,
  ))
    assert.ok(goodput > 92 && timeouts === 0 && needless === 0, `${goodput} ${timeouts} ${needless}`);
});

test("congestion, at one percent of loss, recovers without timeouts, and CUBIC no worse than NewReno", () => {
  for (const roundTripMs of OPTIONS.roundTripMs) {
    const [newReno, cubic] = figures.transfers.filter(
      (figure) => figure.roundTripMs === roundTripMs && figure.lossPercent === 1,
    );
    assert.is(newReno!.timeouts, 0);
    assert.is(cubic!.timeouts, 0);
    assert.ok(cubic!.goodput >= 0.95 * newReno!.goodput, `${cubic!.goodput} ${newReno!.goodput}`);
  }
});

test("congestion, short responses at one percent of loss, do not wait for the retransmission timer", () => {
  for (const { roundTripMs, p99Ms } of figures.responses) {
    // The timer's 200 ms come on top of a round trip, as it is and as it was for the client's request.
    assert.ok(p99Ms < 200 + roundTripMs, `${p99Ms}`);
  }
});

test("congestion, as a command with the same seed, gives the same figures", () => {
  const parameters = Object.entries(OPTIONS).flatMap(([name, value]) => [
    `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    String(value),
  ]);
  assert.equal(bench("congestion", ...parameters) as CongestionFigures, figures);
});

test.run();
