// The peer node:http of the `throughput` and `goodput` benchmarks: /bytes?n=COUNT, so many zeros, in chunks as large as limpet's.
//   node download-node.js PORT

import { createServer } from "node:http";

const chunk = Buffer.alloc(256 * 1024);

createServer((request, response) => {
  let left = Number(new URL(request.url!, "http://peer").searchParams.get("n"));
  response.writeHead(200, { "content-length": left });
  const write = () => {
    while (left > chunk.length) {
      left -= chunk.length;
      if (!response.write(chunk)) {
        response.once("drain", write);
        return;
      }
    }
    response.end(chunk.subarray(0, left));
  };
  write();
}).listen(Number(process.argv[2]), () => process.stdout.write("ready\n"));
