// The peer express: sessions by express-session, kept by connect-session-knex in a SQLite file, through the same Knex and driver as
// limpet's and as durable: write-ahead log and `synchronous = FULL`, which SQLite's documentation (pragma.html) says survives a loss of
// power. Options are those that express-session's README advises for a store that knows `touch`, and NODE_ENV is production,
// as express's "Production best practices" has it; so is the cluster, whose processes share the file.
//   node express.js PORT WORKERS DATABASE        1 worker: no cluster

import cluster from "node:cluster";
import { ConnectSessionKnexStore } from "connect-session-knex";
import express from "express";
import session from "express-session";
import knex from "knex";
import { READ_PATH, visitsText, WRITE_PATH } from "./response.js";

declare module "express-session" {
  interface SessionData {
    visits: number;
  }
}

process.env.NODE_ENV = "production";
const [port, workers] = process.argv.slice(2, 4).map(Number);
const filename = process.argv[4]!;

const PRAGMAS = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";

interface Connection {
  exec(sql: string, done: (error: Error | null) => void): void;
}

async function serve(): Promise<void> {
  const database = knex({
    client: "sqlite3",
    connection: { filename },
    useNullAsDefault: true,
    pool: {
      afterCreate: (connection: Connection, done: (error: Error | null, connection: Connection) => void) =>
        connection.exec(PRAGMAS, (error) => done(error, connection)),
    },
  });
  const store = new ConnectSessionKnexStore({ knex: database });
  await store.ready;
  const app = express();
  app.disable("x-powered-by");
  app.use(session({ store, secret: "for a benchmark only", resave: false, saveUninitialized: false }));
  app.get(READ_PATH, (request, response) => {
    response.type("text").send(visitsText(request.session.visits ?? 0));
  });
  app.get(WRITE_PATH, (request, response) => {
    request.session.visits = (request.session.visits ?? 0) + 1;
    // express-session saves before it lets the answer end.
    response.type("text").send(visitsText(request.session.visits));
  });
  await new Promise<void>((resolve) => app.listen(port!, () => resolve()));
  if (!cluster.isPrimary) process.send!("ready");
}

if (workers === 1) {
  await serve();
  process.stdout.write("ready\n");
} else if (cluster.isPrimary) {
  // One after the other, since each makes the table if it is not there.
  let ready = 0;
  cluster.on("message", () => {
    if (++ready === workers) process.stdout.write("ready\n");
    else cluster.fork();
  });
  cluster.fork();
} else {
  await serve();
}
