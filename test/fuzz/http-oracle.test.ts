// The parser against another, Node's own (llhttp, strict): whatever bytes we take for a request, llhttp takes for the same one,
// with the same method, target and body. Two readers that disagree about where a request ends are what smuggling is made of.
// Only in that direction: what we refuse and llhttp takes costs nobody anything. Seeded; FUZZ_RUNS asks for more.

import { createServer, METHODS } from "node:http";
import { Duplex } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { observe } from "../workers/http/observed.js";
import { RAW_CASES, RAW_LIMITS } from "../workers/http/raw-cases.js";
import { mutatedOf, randomOf } from "./http-mutations.js";

const SEED = 0x5a1e;
const RUNS = Number(process.env.FUZZ_RUNS ?? 4_000);

interface Taken {
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

/** What comes of a connection's bytes in node:http; `fault` is why it ended. */
async function llhttpTakes(input: string): Promise<{ taken: Taken[]; fault: string | undefined }> {
  const taken: Taken[] = [];
  let fault: string | undefined;
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const body = Buffer.concat(pieces).toString("latin1");
      taken.push({ method: request.method!, target: request.url!, body });
      response.end();
    });
  });
  server.on("clientError", (error: NodeJS.ErrnoException) => {
    fault ??= error.code ?? error.message;
  });
  const connection = new Duplex({ read() {}, write: (_bytes, _encoding, done) => done() });
  connection.on("error", () => {});
  server.emit("connection", connection);
  connection.push(Buffer.from(input, "latin1"));
  for (let turn = 0; turn < 4 + 4 * taken.length; turn++) await new Promise(setImmediate);
  connection.destroy();
  server.close();
  return { taken, fault };
}

/**
 * What we take for requests, as far as node:http goes along: up to the first whose method llhttp has never heard of (any token is
 * one), and to the first that asks for an upgrade, behind which llhttp expects another protocol.
 */
async function weTake(input: string): Promise<Taken[]> {
  const { requests, bodies } = await observe([input], RAW_LIMITS);
  const taken: Taken[] = [];
  for (const [index, text] of requests.entries()) {
    const [method, target, , , fields] = JSON.parse(text) as [string, string, string, string, string[][]];
    if (!METHODS.includes(method)) break;
    taken.push({ method, target, body: bodies[index]! });
    if (fields.some(([name]) => name === "upgrade")) break;
  }
  return taken;
}

/** What the RFCs let through and llhttp does not; where both might have something to say, nothing is compared. */
const STRICTER: readonly RegExp[] = [
  // BWS around the parts of a chunk's extensions (RFC 9112 section 7.1.1)
  /\r\n[0-9a-f]+[^\r\n]*([ \t][;=]|[;=][ \t])/i,
  // A tab as OWS around a length or a coding (RFC 9110 section 5.6.3)
  /\r\n(content-length|transfer-encoding):[^\r\n]*\t/i,
];

/** How many requests both have taken. */
async function compare(input: string): Promise<number> {
  const ours = await weTake(input);
  if (ours.length === 0) return 0;
  const { taken, fault } = await llhttpTakes(input);
  if (fault !== undefined && STRICTER.some((reason) => reason.test(input))) return 0;
  assert.equal(taken.slice(0, ours.length), ours, `${fault}: ${JSON.stringify(input)}`);
  return ours.length;
}

for (const { name, input } of RAW_CASES) {
  test(`llhttp, given a raw case that we take: ${name}`, async () => {
    await compare(input);
  });
}

test("llhttp, given mutated requests that we take, takes the same", async () => {
  const random = randomOf(SEED);
  const seeds = RAW_CASES.map((one) => one.input).filter((input) => input.length < 1_000);
  let compared = 0;
  for (let run = 0; run < RUNS; run++) compared += await compare(mutatedOf(seeds, random));
  assert.ok(compared > RUNS / 10, `${compared} requests in ${RUNS} runs`);
});

test.run();
