// The peer node:http: one process.   node node-http.js PORT

import { createServer } from "node:http";
import { answer } from "./node-answer.js";

createServer(answer).listen(Number(process.argv[2]), () => process.stdout.write("ready\n"));
