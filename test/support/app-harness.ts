// An app as limpet serves it, on one thread and without a network: the real HTTP server on fake streams, the real sessions
// and application of each worker, the real session store and procedures on an in-memory SQLite. What is missing is the
// threads: the storage is asked directly, one thing after another, as its thread would do them.

import {
  allocateSessionDirectory,
  parseSessionKey,
  SessionDirectory,
  SessionDirectoryWriter,
} from "../../core/memory/session-directory.js";
import { type Database, openDatabase } from "../../storage/database.js";
import { firstLineOf } from "../../storage/failure.js";
import { KnexSessionStore } from "../../storage/knex-session-store.js";
import { decodeValue, encodeValue } from "../../storage/messages.js";
import { migrateApp, migrateLimpet } from "../../storage/migrations.js";
import { Procedures } from "../../storage/procedures.js";
import type { App, Context } from "../../workers/app/app.js";
import { type AppFault, Application } from "../../workers/app/application.js";
import { HttpServer } from "../../workers/http/server.js";
import { Sessions } from "../../workers/session/sessions.js";
import {
  type Committed,
  type SessionChange,
  type Storage,
  StorageError,
  type StoredSession,
} from "../../workers/session/storage.js";
import { FakeStream } from "./fake-stream.js";
import { signingSecrets } from "./signing-secrets.js";

const SECRET = new Uint8Array(32).fill(11);
const DIRECTORY_ENTRIES = 1024;
const PROCEDURE_TIMEOUT_MS = 5_000;
/** More turns of the event loop than any request of an app takes; a request that needs more hangs. */
const MAX_TURNS = 100_000;

/** The storage of the workers, asked directly. Counts what reaches the database. */
class DirectStorage implements Storage {
  readonly calls: string[] = [];
  readonly #store: KnexSessionStore;
  readonly #procedures: Procedures;
  readonly #database: Database;
  readonly #directory: SessionDirectoryWriter;
  /** One connection, one thing at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(database: Database, app: App, directory: SessionDirectoryWriter, nowMs: () => number) {
    this.#database = database;
    this.#store = new KnexSessionStore(database, nowMs);
    this.#procedures = new Procedures(app.procedures ?? {}, PROCEDURE_TIMEOUT_MS);
    this.#directory = directory;
  }

  load(key: string): Promise<StoredSession | undefined> {
    return this.#inTurn("load", async () => {
      const record = (await this.#store.load([key])).get(key);
      this.#directory.set(parseSessionKey(key), record?.version ?? 0);
      return record;
    });
  }

  version(key: string): Promise<number> {
    return this.#inTurn("version", async () => {
      const version = (await this.#store.versions([key])).get(key) ?? 0;
      this.#directory.set(parseSessionKey(key), version);
      return version;
    });
  }

  commit(change: SessionChange): Promise<Committed> {
    return this.#inTurn(`commit ${change.procedure ?? ""}`.trimEnd(), () => this.#commit(change));
  }

  call(procedure: string, args: unknown): Promise<unknown> {
    return this.#inTurn(`call ${procedure}`, async () => {
      try {
        return decodeValue(await this.#procedures.run(procedure, this.#database.knex, encodeArgs(args)));
      } catch (error) {
        throw new StorageError("procedure_failed", firstLineOf(error));
      }
    });
  }

  async #commit({ procedure, args, replacesKey = undefined, ...change }: SessionChange): Promise<Committed> {
    const [outcome] = await this.#store.commit([
      {
        ...change,
        replacesKey: replacesKey ?? null,
        procedure:
          procedure === undefined
            ? null
            : (transaction) => this.#procedures.run(procedure, transaction, encodeArgs(args)),
      },
    ]);
    if (outcome?.code !== "committed") {
      const text = outcome === undefined || outcome.code === "conflict" ? "" : firstLineOf(outcome.error);
      throw new StorageError(outcome?.code ?? "unavailable", text);
    }
    this.#directory.set(parseSessionKey(change.key), outcome.version);
    return {
      version: outcome.version,
      result: outcome.result === null ? undefined : decodeValue(outcome.result),
    };
  }

  #inTurn<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(() => {
      this.calls.push(what);
      return work();
    });
    this.#last = result.catch(() => {});
    return result;
  }
}

function encodeArgs(args: unknown): Uint8Array | null {
  return args === undefined ? null : encodeValue(args);
}

export interface AppWorker {
  readonly number: number;
  readonly http: HttpServer;
  readonly faults: AppFault[];
}

/** A farm of an app. Its clock stands still unless a test moves it. */
export class AppHarness {
  nowMs = Date.UTC(2026, 5, 1, 12);
  readonly database: Database;
  readonly storage: DirectStorage;
  readonly workers: readonly AppWorker[];

  private constructor(database: Database, apps: readonly App[], nowMs: () => number) {
    const memory = allocateSessionDirectory(DIRECTORY_ENTRIES);
    this.database = database;
    this.storage = new DirectStorage(database, apps[0]!, new SessionDirectoryWriter(memory), nowMs);
    this.workers = apps.map((app, index) => {
      const sessions = new Sessions({
        secrets: signingSecrets(SECRET),
        storage: this.storage,
        directory: new SessionDirectory(memory),
        now: nowMs,
      });
      const faults: AppFault[] = [];
      const application = new Application({
        app,
        sessions,
        storage: this.storage,
        worker: index,
        logFault: (fault) => faults.push(fault),
      });
      return {
        number: index,
        http: new HttpServer({}, application.respond, nowMs, application.planBody),
        faults,
      };
    });
  }

  /** Starts workers with an app of their own each, made with the farm's clock. */
  static async start(createApp: (nowMs: () => number) => App, workerCount = 1): Promise<AppHarness> {
    const clock: { harness?: AppHarness } = {};
    const nowMs = () => clock.harness?.nowMs ?? 0;
    const apps = Array.from({ length: workerCount }, () => createApp(nowMs));
    const database = await openDatabase({ client: "sqlite3", filename: ":memory:", durability: "normal" });
    await migrateLimpet(database.knex);
    await migrateApp(database.knex, apps[0]!.migrations ?? {});
    clock.harness = new AppHarness(database, apps, nowMs);
    return clock.harness;
  }

  /** Runs a procedure of the app. */
  readonly call: Context["call"] = <Result>(procedure: string, args?: unknown) =>
    this.storage.call(procedure, args) as Promise<Result>;

  close(): Promise<void> {
    return this.database.close();
  }

  /** A new browser, without cookies. */
  browser(): Browser {
    return new Browser(this);
  }
}

export interface Reply {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface RequestParts {
  readonly worker?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Speaks HTTP/1.1 to a worker as a browser would: with the cookie it was given, following nothing by itself. */
export class Browser {
  cookie: string | undefined;
  readonly #harness: AppHarness;

  constructor(harness: AppHarness) {
    this.#harness = harness;
  }

  get(path: string, parts: RequestParts = {}): Promise<Reply> {
    return this.send("GET", path, parts);
  }

  /** Sends an HTML form. */
  post(path: string, fields: Readonly<Record<string, string>>, parts: RequestParts = {}): Promise<Reply> {
    const headers = { "content-type": "application/x-www-form-urlencoded", ...parts.headers };
    return this.send("POST", path, { ...parts, headers, body: new URLSearchParams(fields).toString() });
  }

  /** Sends a value as JSON. */
  json(method: string, path: string, value: unknown, parts: RequestParts = {}): Promise<Reply> {
    const headers = { "content-type": "application/json", ...parts.headers };
    return this.send(method, path, { ...parts, headers, body: JSON.stringify(value) });
  }

  async send(method: string, path: string, parts: RequestParts = {}): Promise<Reply> {
    const body = Buffer.from(parts.body ?? "");
    const lines = [`${method} ${path} HTTP/1.1`, "Host: shop.test", "Connection: close"];
    if (this.cookie !== undefined) lines.push(`Cookie: ${this.cookie}`);
    for (const [name, value] of Object.entries(parts.headers ?? {})) lines.push(`${name}: ${value}`);
    if (parts.body !== undefined) lines.push(`Content-Length: ${body.length}`);
    const stream = new FakeStream(this.#harness.workers[parts.worker ?? 0]!.http);
    stream.deliver(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), body]));
    // The server closes once it has answered.
    for (let turn = 0; !stream.isClosed && turn < MAX_TURNS; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (!stream.isClosed) throw new Error(`${method} ${path} was not answered`);
    const reply = parseReply(Buffer.concat(stream.sent));
    const setCookie = reply.headers.get("set-cookie");
    if (setCookie !== undefined) this.cookie = setCookie.split(";")[0];
    return reply;
  }
}

function parseReply(bytes: Buffer): Reply {
  const headEnd = bytes.indexOf("\r\n\r\n");
  const [statusLine = "", ...fields] = bytes.toString("latin1", 0, headEnd).split("\r\n");
  const headers = new Map(
    fields.map((field) => {
      const colon = field.indexOf(":");
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
    }),
  );
  return { status: Number(statusLine.split(" ")[1]), headers, body: bytes.toString("utf8", headEnd + 4) };
}
