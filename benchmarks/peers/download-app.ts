// What limpet serves in the `throughput` and `goodput` benchmarks: /bytes?n=COUNT, so many zeros. Up to 64 MiB in one piece;
// more as a stream, since nothing would bound the memory of many clients otherwise.

import { type App, HttpResponse } from "../../workers/app/app.js";

const zeros = new Uint8Array(64 * 1024 * 1024);
const CHUNK_BYTES = 256 * 1024;

function stream(count: number): ReadableStream<Uint8Array> {
  let left = count;
  return new ReadableStream({
    pull(controller) {
      const length = Math.min(left, CHUNK_BYTES);
      left -= length;
      controller.enqueue(zeros.subarray(0, length));
      if (left === 0) controller.close();
    },
  });
}

export default {
  sessionless: () => true,

  fetch(request) {
    const count = Number(request.query.get("n"));
    return new HttpResponse(count <= zeros.length ? zeros.subarray(0, count) : stream(count));
  },
} satisfies App;
