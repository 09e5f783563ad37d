// How the peers that are made of node:http answer a request without a session: as the first example of its documentation does, with
// the length known in advance so that it need not send chunks.

import type { IncomingMessage, ServerResponse } from "node:http";
import { BODIES, BODY_TYPE, WORKER_PATH } from "./response.js";

export function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url!;
  const body = path === WORKER_PATH ? String(process.pid) : BODIES[path];
  if (body === undefined) response.writeHead(404).end();
  else send(response, body);
}

export function send(response: ServerResponse, body: string | Buffer, headers: Record<string, string> = {}) {
  response.writeHead(200, { "content-type": BODY_TYPE, "content-length": body.length, ...headers });
  response.end(body);
}
