// Runs bytes through an HTTP server on a fake stream, in pieces, and says all that can be seen of it from outside.

import type { HttpOptions } from "../../../workers/http/options.js";
import type { HttpRequest } from "../../../workers/http/request.js";
import { HttpResponse } from "../../../workers/http/response.js";
import { HttpServer } from "../../../workers/http/server.js";
import { FakeStream } from "../../support/fake-stream.js";

/**
 * How the app takes bodies: gathered before it is called; as a stream, whole, only the first piece of it, or not at all. In all
 * cases it answers when it has what it wants.
 */
export const TAKINGS = ["gathered", "streamed", "begun", "ignored"] as const;
export type Taking = (typeof TAKINGS)[number];

export interface Observation {
  readonly output: string;
  /** Each request that reached the responder, as text. */
  readonly requests: readonly string[];
  /** The same requests' bodies, as far as they were read to their end, with their trailers, in Latin-1. */
  readonly bodies: readonly string[];
  readonly isClosed: boolean;
  /** Requests that were not answered yet. */
  readonly inFlight: number;
}

/** Delivers `pieces` one after the other; the responder answers each request with 200 and its number. */
export async function observe(
  pieces: readonly (Uint8Array | string)[],
  options: Partial<HttpOptions> = {},
  taking: Taking = "gathered",
): Promise<Observation> {
  const requests: string[] = [];
  const bodies: string[] = [];
  const answer = (request: HttpRequest): Promise<HttpResponse> | HttpResponse => {
    const number = requests.push(describe(request));
    const response = HttpResponse.text(`answer ${number}`);
    if (taking === "ignored") return response;
    return take(request, taking).then((body) => {
      if (body !== undefined) bodies.push(body);
      return response;
    });
  };
  const gather = (request: HttpRequest): HttpResponse => {
    const number = requests.push(describe(request));
    void request.bytes().then((bytes) => bodies.push(Buffer.from(bytes).toString("latin1")));
    return HttpResponse.text(`answer ${number}`);
  };
  const isGathered = taking === "gathered";
  const rules = () => ({ streams: !isGathered });
  const server = new HttpServer(options, isGathered ? gather : answer, () => 0, rules);
  const stream = new FakeStream(server);
  for (const piece of pieces) {
    stream.deliver(piece);
    // All that promises alone can do is done afterwards.
    if (!isGathered) await new Promise(setImmediate);
  }
  await new Promise(setImmediate);
  const { output, isClosed } = stream;
  const { inFlight } = server;
  // Who still waits for a body hears that there is none.
  stream.end("reset");
  return { output, requests, bodies, isClosed, inFlight };
}

/** The body, if it was read to its end. */
async function take(request: HttpRequest, taking: Taking): Promise<string | undefined> {
  const reader = request.body?.getReader();
  if (reader === undefined) return "";
  let text = "";
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      text += Buffer.from(piece.value).toString("latin1");
      if (taking === "begun") return undefined;
    }
  } catch {
    return undefined;
  }
  return text;
}

/** Final statuses in an output of this file's responder and the server's own refusals. */
export function statusesIn(output: string): number[] {
  return [...output.matchAll(/HTTP\/1\.1 (\d{3}) /g)]
    .map((match) => Number(match[1]))
    .filter((s) => s !== 100);
}

function describe(request: HttpRequest): string {
  return JSON.stringify([request.method, request.target, request.url, request.path, [...request.headers]]);
}
