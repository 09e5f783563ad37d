// The peer `node:http`: one process, as its documentation's first example has it, with the length known in advance so that
// it need not send chunks.   node node-http.js PORT

import { createServer } from "node:http";
import { HELLO, HELLO_TYPE } from "./response.js";

createServer((_request, response) => {
  response.writeHead(200, { "content-type": HELLO_TYPE, "content-length": HELLO.length });
  response.end(HELLO);
}).listen(Number(process.argv[2]), () => process.stdout.write("ready\n"));
