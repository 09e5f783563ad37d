// The addresses that shoppers come from. A farm pins each source to one worker, so that a crowd must come from many: on loopback all of
// 127.0.0.0/8 is this machine's, and in a namespace of the benchmarks 198.19.0.0/16. What really works is found out by trying.

import { connect, isIPv6 } from "node:net";
import type { Random } from "../support/random.js";
import { hostOf } from "./exchange.js";

export interface Sources {
  /** In words, for people. */
  readonly description: string;
  /** False: all come from one address, and nobody roams. */
  readonly areMany: boolean;
  /** An address for somebody; undefined: whichever the system takes. */
  readonly draw: (random: Random) => string | undefined;
}

/** Nobody is there to shop from. The message is one sentence. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
  readonly code = "unreachable";
}

const PROBE_TIMEOUT_MS = 2000;

const RANGES: readonly (readonly [description: string, draw: (random: Random) => string])[] = [
  // A part of loopback where nobody else's services are.
  ["127.64.0.0/10", (random) => `127.${64 + random.below(64)}.${random.below(256)}.${1 + random.below(254)}`],
  ["198.19.0.0/16", (random) => `198.19.${random.below(256)}.${1 + random.below(254)}`],
];

/**
 * The sources from which the server at `url` can be reached, by trying: many if there are, else one. Rejects with an
 * `UnreachableError` if it cannot be reached at all, or the signal is aborted.
 */
export async function findSources(url: URL, random: Random, signal: AbortSignal): Promise<Sources> {
  let reason = "an IPv6 address has no others";
  if (!isIPv6(hostOf(url))) {
    for (const [description, draw] of RANGES) {
      const trouble = await tryToConnect(url, draw(random), signal);
      if (trouble === undefined) return { description: `addresses of ${description}`, areMany: true, draw };
      reason = trouble;
    }
  }
  const trouble = await tryToConnect(url, undefined, signal);
  if (trouble !== undefined) throw new UnreachableError(`the shoppers cannot reach ${url.href} (${trouble})`);
  return {
    description: `one address, which is pinned to one worker: others cannot be had (${reason})`,
    areMany: false,
    draw: () => undefined,
  };
}

/** What went wrong, in a word, or undefined. */
function tryToConnect(
  url: URL,
  localAddress: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve("stopped");
    const port = Number(url.port || 80);
    const socket = connect({ host: hostOf(url), port, ...(localAddress && { localAddress, family: 4 }) });
    const end = (trouble: string | undefined) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      socket.destroy();
      resolve(trouble);
    };
    const onAbort = () => end("stopped");
    const timer = setTimeout(() => end("no answer"), PROBE_TIMEOUT_MS);
    signal.addEventListener("abort", onAbort);
    socket.on("connect", () => end(undefined));
    socket.on("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}
