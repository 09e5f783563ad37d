// The app that integration tests serve: each path shows one thing that a client can check.

import { createHash } from "node:crypto";
import { type App, HttpResponse } from "../../workers/app/app.js";

/** Bytes of `/bytes?n=…`: a pattern without a short period, so that a piece out of place is noticed. */
export function patternBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  let state = 0x2545f491;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** What `/upload` and `/digest` answer to these bytes. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

const CHUNK_BYTES = 64 * 1024;

/** Bytes of streams that have been made so far in this worker. */
let streamedBytes = 0;

/** `count` zeros, made as they are taken. */
function zeros(count: number): ReadableStream<Uint8Array> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  let left = count;
  return new ReadableStream({
    pull(controller) {
      const length = Math.min(left, CHUNK_BYTES);
      left -= length;
      streamedBytes += length;
      controller.enqueue(chunk.subarray(0, length));
      if (left === 0) controller.close();
    },
  });
}

/** Ends the wait of those who have not begun to read yet. */
let release = () => {};

const cachedBytes = new Map<number, Uint8Array>();

export default {
  body: ({ path }) => (path.startsWith("/digest") ? { streams: true, maxBytes: Infinity } : undefined),

  sessionless: (request) => !request.path.startsWith("/session"),

  async fetch(request, context) {
    switch (request.path) {
      case "/bytes": {
        const count = Number(request.query.get("n"));
        const bytes = cachedBytes.get(count) ?? patternBytes(count);
        cachedBytes.set(count, bytes);
        return new HttpResponse(bytes);
      }
      case "/upload": {
        const digest = await crypto.subtle.digest("SHA-256", await request.arrayBuffer());
        return HttpResponse.text(Buffer.from(digest).toString("hex"));
      }
      case "/digest":
      case "/digest/later": {
        if (request.path === "/digest/later") {
          await new Promise<void>((resolve) => {
            release = resolve;
          });
        }
        const hash = createHash("sha256");
        for await (const piece of request.body!) hash.update(piece);
        return HttpResponse.text(hash.digest("hex"));
      }
      case "/release":
        release();
        return HttpResponse.text("released");
      case "/stream":
        return new HttpResponse(zeros(Number(request.query.get("n"))));
      case "/streamed":
        return HttpResponse.text(String(streamedBytes));
      case "/wait":
        await new Promise((resolve) => setTimeout(resolve, Number(request.query.get("ms"))));
        return HttpResponse.json({ worker: context.worker });
      case "/die":
        // Ends the worker's thread, not the process.
        return process.exit(3);
      case "/throw":
        setImmediate(() => {
          throw new Error("thrown where nobody catches it");
        });
        return HttpResponse.json({ worker: context.worker });
      case "/loop":
        for (;;);
      case "/session/loop":
        for (;;);
      case "/session/add": {
        const { session } = context;
        session.state.count = Number(session.state.count ?? 0) + 1;
        return HttpResponse.json({ worker: context.worker, count: session.state.count });
      }
      case "/session": {
        const { session } = context;
        const count = Number(session.state.count ?? 0);
        const { origin, version } = session;
        return HttpResponse.json({ worker: context.worker, origin, version, count });
      }
      default:
        return HttpResponse.json({ worker: context.worker, source: context.source.address });
    }
  },

  datagram: (request, context) => ({
    path: request.path,
    body: request.path === "length" ? (request.body as Uint8Array).length : request.body,
    worker: context.worker,
    source: context.source.address,
  }),
} satisfies App;
