// The benchmarks of the workers' TCP at a small size: virtual time repeats itself to the bit, so that here figures may be asserted.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type CongestionOptions, runCongestion } from "../../benchmarks/congestion.js";
import { silentProgress } from "../../benchmarks/support/progress.js";
import { bench } from "../support/limpet-bench.js";
import { congestionFigures } from "./schemas/congestion.js";

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

const figures = await runCongestion(OPTIONS, silentProgress);

test("congestion, without loss, fills the path, without a timeout and with nothing sent needlessly", () => {
  for (const figure of figures.transfers.filter(({ lossPercent }) => lossPercent === 0)) {
    assert.ok(figure.megabitsPerSecond.lowest > 92, JSON.stringify(figure));
    assert.is(figure.timeouts.highest, 0);
    assert.is(figure.needless.highest, 0);
  }
});

test("congestion, at one percent of loss, recovers without timeouts, and CUBIC no worse than NewReno", () => {
  for (const roundTripMs of OPTIONS.roundTripMs) {
    const [newReno, cubic] = figures.transfers.filter(
      (figure) => figure.roundTripMs === roundTripMs && figure.lossPercent === 1,
    );
    assert.is(newReno!.timeouts.highest, 0);
    assert.is(cubic!.timeouts.highest, 0);
    const [slower, faster] = [cubic!, newReno!].map(({ megabitsPerSecond }) => megabitsPerSecond.median);
    assert.ok(slower! >= 0.95 * faster!, `${slower} ${faster}`);
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
  assert.equal(bench("congestion", congestionFigures, ...parameters).figures, figures);
});

test.run();
