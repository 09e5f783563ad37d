// Mutated and random bytes into the HTTP server: whatever they are, nothing throws, the transport's contract is kept,
// and cutting them anywhere changes neither what the app sees nor what is answered. Seeded; FUZZ_RUNS asks for more.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { observe } from "../workers/http/observed.js";
import { RAW_CASES, RAW_LIMITS } from "../workers/http/raw-cases.js";

const SEED = 0x1e57;
const RUNS = Number(process.env.FUZZ_RUNS ?? 4_000);

/** Pieces that mean something to the parser: mutations put them where they don't belong. */
const WORDS = [
  "\r\n",
  "\r",
  "\n",
  "\0",
  " ",
  "\t",
  ":",
  ",",
  ";",
  "0",
  "\r\n\r\n",
  "0\r\n\r\n",
  "5\r\nhello\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "Host: a\r\n",
  "Content-Length: 3\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Connection: close\r\n",
  "Expect: 100-continue\r\n",
  "chunked",
  "HTTP/1.1",
  "HTTP/1.0",
  "http://b",
  "\xff",
];

/** A small generator of our own, so that a seed means the same on every machine (mulberry32). */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) % below) | 0;
  };
}

function mutated(text: string, random: (below: number) => number): string {
  const at = random(text.length + 1);
  const word = WORDS[random(WORDS.length)]!;
  switch (random(5)) {
    case 0:
      return text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + random(4));
    case 2:
      return text.slice(0, at) + word + text.slice(at);
    case 3:
      return text.slice(0, at) + word + text.slice(at + word.length);
    default:
      return text.slice(0, at) + text.slice(random(text.length + 1)).slice(0, 200);
  }
}

function cut(text: string, random: (below: number) => number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = at + 1 + random(random(3) === 0 ? 3 : 60);
    pieces.push(text.slice(at, end));
    at = end;
  }
  return pieces;
}

async function agree(input: string, random: (below: number) => number): Promise<boolean> {
  const whole = await observe([input], RAW_LIMITS);
  const pieces = cut(input, random);
  assert.equal(await observe(pieces, RAW_LIMITS), whole, JSON.stringify(pieces));
  return whole.requests.length > 0;
}

test("mutated requests, cut anywhere, are judged the same and throw nothing", async () => {
  const random = randomOf(SEED);
  const seeds = RAW_CASES.map((one) => one.input).filter((input) => input.length < 1_000);
  let served = 0;
  for (let run = 0; run < RUNS; run++) {
    let input = seeds[random(seeds.length)]!;
    if (random(2) === 0) input += seeds[random(seeds.length)]!;
    for (let mutations = random(4); mutations >= 0; mutations--) input = mutated(input, random);
    if (await agree(input, random)) served++;
  }
  // The mutations must neither spare the parser nor break everything at once.
  assert.ok(served > RUNS / 10 && served < (RUNS * 9) / 10, `${served} of ${RUNS} reached the app`);
});

test("random bytes, cut anywhere, are judged the same and throw nothing", async () => {
  const random = randomOf(SEED + 1);
  for (let run = 0; run < RUNS / 4; run++) {
    let input = "";
    for (let length = random(120); length > 0; length--) {
      input += random(4) === 0 ? WORDS[random(WORDS.length)]! : String.fromCharCode(random(256));
    }
    await agree(input, random);
  }
});

test.run();
