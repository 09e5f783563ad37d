// Runs bytes through an HTTP server on a fake stream, in pieces, and says all that can be seen of it from outside.

import type { HttpOptions } from "../../../workers/http/options.js";
import type { HttpRequest } from "../../../workers/http/request.js";
import { HttpResponse } from "../../../workers/http/response.js";
import { HttpServer } from "../../../workers/http/server.js";
import { FakeStream } from "../../support/fake-stream.js";

export interface Observation {
  readonly output: string;
  /** Each request that reached the responder, as text. */
  readonly requests: readonly string[];
  /** The same requests' bodies, in Latin-1. */
  readonly bodies: readonly string[];
  readonly isClosed: boolean;
  readonly inFlight: number;
}

/** Delivers `pieces` one after the other; the responder answers each request with 200 and its number. */
export async function observe(
  pieces: readonly (Uint8Array | string)[],
  options: Partial<HttpOptions> = {},
): Promise<Observation> {
  const seen: HttpRequest[] = [];
  const server = new HttpServer(
    options,
    (request) => {
      seen.push(request);
      return HttpResponse.text(`answer ${seen.length}`);
    },
    () => 0,
  );
  const stream = new FakeStream(server);
  for (const piece of pieces) stream.deliver(piece);
  const bodies = await Promise.all(
    seen.map(async (request) => Buffer.from(await request.bytes()).toString("latin1")),
  );
  return {
    output: stream.output,
    requests: seen.map(describe),
    bodies,
    isClosed: stream.isClosed,
    inFlight: server.inFlight,
  };
}

/** Final statuses in an output of this file's responder and the server's own refusals. */
export function statusesIn(output: string): number[] {
  return [...output.matchAll(/HTTP\/1\.1 (\d{3}) /g)]
    .map((match) => Number(match[1]))
    .filter((s) => s !== 100);
}

function describe(request: HttpRequest): string {
  return JSON.stringify([request.method, request.url, request.path, [...request.headers]]);
}
