// The workers' TCP against the kernel's over a bad path: packets are lost, repeated, damaged and reordered on purpose, in both
// directions, and every body arrives as it was sent. Runs in a network namespace of its own.
//
// FAULTY_TUN_BYTES=100000000 in the environment makes the largest bodies that large; it takes the better part of an hour, nearly all
// of it at the highest loss, and tells how long each body has taken.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createFarm, type FarmStatus } from "../../core/farm.js";
import { FAULT_KINDS } from "../../core/link/fault-queue.js";
import { hasIpv6 } from "../../core/link/interface-address.js";
import { ask } from "../support/client.js";
import { curl, hasCurl } from "../support/curl.js";
import { enterNamespace } from "../support/namespace.js";
import { patternBytes, sha256 } from "../support/test-app.js";

const WORKERS = 2;
const ORIGINS = ["http://198.18.0.1", ...(hasIpv6() ? ["http://[fd98:18::1]"] : [])];

/** Of the largest bodies, where more is asked for than a test run needs. */
const mostBytes = Number(process.env.FAULTY_TUN_BYTES ?? 0);
/** How long one transfer may take, in ms; one that stands still ends far earlier, by TCP's own limits. */
const TIMEOUT_MS = mostBytes === 0 ? 280_000 : 3_600_000;

interface Level {
  readonly fault: string;
  /** Of the largest body in a test run. */
  readonly bytes: number;
}

const LEVELS: readonly Level[] = [
  { fault: "drop=1%,duplicate=1%,corrupt=0.5%,reorder=1%", bytes: 4_000_000 },
  { fault: "drop=5%,duplicate=2%,corrupt=1%,reorder=3%", bytes: 500_000 },
  { fault: "drop=15%,duplicate=10%,corrupt=1%,reorder=10%", bytes: 300_000 },
];

type Faults = NonNullable<FarmStatus["faults"]>;
type Transfer = (url: string, body: Uint8Array | undefined) => Promise<Uint8Array>;

const byNode: Transfer = async (url, body) => {
  const { status, body: answer } = await ask(url, {
    timeoutMs: TIMEOUT_MS,
    ...(body === undefined ? {} : { body }),
  });
  if (status !== 200) throw new Error(`the answer is ${status}`);
  return answer;
};
const byCurl: Transfer = (url, body) => curl(url, body, TIMEOUT_MS);

/** HTTP has given a request up that did not come: 408, or closed without an answer, as curl and Node's client say it. */
const GIVEN_UP = /\(52\)|socket hang up|\b408\b/;
const MOST_ATTEMPTS = 4;

/**
 * Asks again where HTTP has given a request up, after 15 s for its head or 30 s for its body. Once a SYN was lost, TCP sends lost data
 * again after 3, 9, 21 and 45 s (RFC 6298 section 5.7), and of packets that are lost a fifth of the time, some are four times.
 */
function asking(by: Transfer): Transfer {
  return async (url, body) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await by(url, body);
      } catch (error) {
        if (attempt === MOST_ATTEMPTS || !GIVEN_UP.test((error as Error).message)) throw error;
      }
    }
  };
}

/** One byte, the largest, and each power of 40 in between. */
function sizesUpTo(most: number): number[] {
  const sizes = [most];
  for (let size = 1; size < most; size *= 40) sizes.push(size);
  return sizes;
}

/** Rejects unless the app's bytes arrive as they are. */
async function download(by: Transfer, origin: string, bytes: number): Promise<void> {
  const answer = await by(`${origin}/bytes?n=${bytes}`, undefined);
  assert.is(answer.length, bytes);
  assert.is(sha256(answer), sha256(patternBytes(bytes)), `${bytes} bytes down`);
}

/** Rejects unless the app has got ours as they are. */
async function upload(by: Transfer, origin: string, bytes: number): Promise<void> {
  const body = patternBytes(bytes);
  const answer = await by(`${origin}/digest`, body);
  assert.is(Buffer.from(answer).toString(), sha256(body), `${bytes} bytes up`);
}

async function timed(what: string, transfer: Promise<void>): Promise<void> {
  const started = performance.now();
  await transfer;
  if (mostBytes > 0) tell(`${what} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

function tell(line: string): void {
  process.stdout.write(`# ${line}\n`);
}

/** All sizes in both directions at once, over both versions of IP and with each client. */
function transfers(most: number): Promise<void>[] {
  const clients = hasCurl() ? { node: asking(byNode), curl: asking(byCurl) } : { node: asking(byNode) };
  return sizesUpTo(most).flatMap((bytes, sizeIndex) =>
    Object.entries(clients).flatMap(([client, by], clientIndex) => {
      const origin = ORIGINS[(sizeIndex + clientIndex) % ORIGINS.length]!;
      const down = timed(`${client}, ${origin}: ${bytes} bytes down`, download(by, origin, bytes));
      const up = timed(`${client}, ${origin}: ${bytes} bytes up`, upload(by, origin, bytes));
      return [down, up];
    }),
  );
}

if (enterNamespace()) {
  const faulty = suite("faulty tun");

  /** What faults there were while a farm served `use`. The farm is closed then: workers tell their last counts as they end. */
  async function faultsDuring(fault: string, use: () => Promise<unknown>): Promise<Faults> {
    const farm = createFarm({
      app: new URL("../support/test-app.js", import.meta.url),
      workers: WORKERS,
      affinity: "connection",
      socket: "none",
      admin: "none",
      database: ":memory:",
      logLevel: "fatal",
      // Making the largest body takes a worker's thread a while.
      hangSeconds: 30,
      fault,
    });
    const failures: unknown[] = [];
    farm.on("workerFailed", (_, error) => failures.push(error));
    await farm.listen();
    assert.match(farm.links[0]!, `; with faults on purpose: ${fault},seed=1`);
    try {
      await use();
    } finally {
      await farm.close();
    }
    assert.equal(failures, []);
    return farm.status().faults!;
  }

  for (const level of LEVELS) {
    faulty(
      `bodies of any size, over a path with ${level.fault}, arrive as they were sent, both ways`,
      async () => {
        const most = Math.max(level.bytes, mostBytes);
        const started = performance.now();
        const faults = await faultsDuring(level.fault, () => Promise.all(transfers(most)));
        const seconds = ((performance.now() - started) / 1000).toFixed(1);
        tell(`up to ${most} bytes with ${level.fault} in ${seconds} s: ${JSON.stringify(faults)}`);
        for (const counts of [faults.received, faults.sent]) {
          for (const kind of FAULT_KINDS) assert.is(counts[kind] > 0, kind !== "overflowed", kind);
        }
      },
    );
  }

  faulty.run();
}
