// Mutated and random bytes into the HTTP server: whatever they are, nothing throws, the transport's contract is kept,
// and cutting them anywhere changes neither what the app sees nor what is answered, whether the app has bodies gathered, reads
// them as they come, or leaves them. Seeded; FUZZ_RUNS asks for more.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { observe, TAKINGS, type Taking } from "../workers/http/observed.js";
import { RAW_CASES, RAW_LIMITS } from "../workers/http/raw-cases.js";
import { cut, mutatedOf, nonsense, randomOf } from "./http-mutations.js";

const SEED = 0x1e57;
const RUNS = Number(process.env.FUZZ_RUNS ?? 4_000);
/** Longer inputs are not split at every position. */
const SHORT_BYTES = 400;
const SEEDS = RAW_CASES.map((one) => one.input).filter((input) => input.length < 1_000);

/** Whether any request reached the app. */
async function agree(input: string, cuts: readonly (readonly string[])[], taking: Taking): Promise<boolean> {
  const whole = await observe([input], RAW_LIMITS, taking);
  for (const pieces of cuts) {
    const cut = await observe(pieces, RAW_LIMITS, taking);
    assert.equal(cut, whole, `${taking}: ${JSON.stringify(pieces)}`);
  }
  return whole.requests.length > 0;
}

test("mutated requests, cut anywhere, are judged the same and throw nothing", async () => {
  const random = randomOf(SEED);
  let served = 0;
  for (let run = 0; run < RUNS; run++) {
    const input = mutatedOf(SEEDS, random);
    if (await agree(input, [cut(input, random)], TAKINGS[run % TAKINGS.length]!)) served++;
  }
  // The mutations must neither spare the parser nor break everything at once.
  assert.ok(served > RUNS / 10 && served < (RUNS * 9) / 10, `${served} of ${RUNS} reached the app`);
});

test("mutated requests, split at every position, are judged the same and throw nothing", async () => {
  const random = randomOf(SEED + 1);
  for (let run = 0; run < RUNS / 80; run++) {
    const input = mutatedOf(SEEDS, random).slice(0, SHORT_BYTES);
    const cuts = [...input].map((_, at) => [input.slice(0, at), input.slice(at)]);
    await agree(input, cuts, TAKINGS[run % TAKINGS.length]!);
  }
});

test("random bytes, cut anywhere, are judged the same and throw nothing", async () => {
  const random = randomOf(SEED + 2);
  for (let run = 0; run < RUNS / 4; run++) {
    const input = nonsense(random);
    await agree(input, [cut(input, random)], TAKINGS[run % TAKINGS.length]!);
  }
});

test.run();
