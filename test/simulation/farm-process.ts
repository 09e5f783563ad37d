// What one process of a farm has, without its threads: workers (real applications, sessions and storage clients), the storage
// (the real service, store and SQLite file), the directory and the locks that they share, message channels between them. All
// of it can be gone from one statement to the next. What always holds: who is dead sends nothing, holds no lock and answers
// nobody, though its promises go on to their ends.

import { MessageChannel, type MessagePort } from "node:worker_threads";
import {
  allocateSessionDirectory,
  SessionDirectory,
  type SessionDirectoryMemory,
  SessionDirectoryWriter,
} from "../../core/memory/session-directory.js";
import { allocateSessionLocks } from "../../core/memory/session-locks.js";
import { type Database, openDatabase } from "../../storage/database.js";
import { DirectoryKeeper } from "../../storage/directory-keeper.js";
import { KnexSessionStore } from "../../storage/knex-session-store.js";
import { Procedures } from "../../storage/procedures.js";
import type { Change, Outcome } from "../../storage/session-store.js";
import type { SqliteOptions } from "../../storage/sqlite-database.js";
import { DEFAULT_SERVICE_LIMITS, StorageService } from "../../storage/storage-service.js";
import type { App, HttpRequest, HttpResponse } from "../../workers/app/app.js";
import { Application } from "../../workers/app/application.js";
import { Sessions, type SessionsOptions } from "../../workers/session/sessions.js";
import { StorageClient } from "../../workers/session/storage-client.js";
import { signingSecrets } from "../support/signing-secrets.js";
import { MortalLocks } from "./mortal-locks.js";

/** The least there can be: one bucket, whose entries push each other out. */
const DIRECTORY_ENTRIES = 8;
/** What is measured in real time does not end by it. */
const TIMEOUT_MS = 600_000;
const SECRETS = signingSecrets(new Uint8Array(32).fill(5));

export interface ProcessParts {
  readonly client: SqliteOptions["client"];
  readonly app: App;
  readonly workers: number;
  /** Of the session locks, a power of two: with one every session waits for every other. */
  readonly stripes: number;
  readonly sessions: Partial<SessionsOptions>;
  /** The only clock. */
  readonly nowMs: () => number;
  /** Called at each point where a crash may fall: before each statement, and between a commit and all that is told of it. */
  readonly onCrashPoint: () => void;
  readonly onTrouble: (message: string | null) => void;
}

class WatchedStore extends KnexSessionStore {
  readonly #onCrashPoint: () => void;

  constructor(database: Database, { nowMs, onCrashPoint }: ProcessParts) {
    super(database, nowMs);
    this.#onCrashPoint = onCrashPoint;
  }

  override async commit(changes: readonly Change[]): Promise<Outcome[]> {
    const outcomes = await super.commit(changes);
    this.#onCrashPoint();
    return outcomes;
  }
}

/** Plays the storage thread (storage/storage-thread.ts). */
class PlayedStorage {
  readonly service: StorageService;
  readonly database: Database;
  /** The workers that may ask, by their ports. */
  readonly ports = new Set<MessagePort>();

  private constructor(database: Database, directory: SessionDirectoryMemory, parts: ProcessParts) {
    const { app, nowMs, onTrouble } = parts;
    this.database = database;
    this.service = new StorageService({
      store: new WatchedStore(database, parts),
      procedures: new Procedures(app.procedures ?? {}, TIMEOUT_MS),
      database: database.knex,
      directory: new DirectoryKeeper(new SessionDirectoryWriter(directory), database.isShared, nowMs),
      limits: DEFAULT_SERVICE_LIMITS,
      monotonicMs: nowMs,
      onTrouble,
    });
    database.knex.on("query", parts.onCrashPoint);
  }

  static async open(
    file: string,
    directory: SessionDirectoryMemory,
    parts: ProcessParts,
  ): Promise<PlayedStorage> {
    // "normal" loses nothing to a crash of the process, and crashes of the machine are not played.
    const database = await openDatabase({ client: parts.client, filename: file, durability: "normal" });
    return new PlayedStorage(database, directory, parts);
  }

  attach(port: MessagePort): void {
    const client = {
      send: (message: Uint8Array<ArrayBuffer>) => port.postMessage(message, [message.buffer]),
    };
    this.ports.add(port);
    port.on("message", (message: unknown) => this.service.receive(client, message));
    port.on("close", () => this.ports.delete(port));
  }

  /** Resolves when the workers have let go of all ports. */
  async released(): Promise<void> {
    for (const port of this.ports) await new Promise((resolve) => port.once("close", resolve));
  }

  /** Answers what is waiting, and closes the database. */
  async end(): Promise<void> {
    await this.service.close();
    for (const port of this.ports) port.close();
    await this.database.close();
  }
}

/** Plays a worker's thread (workers/worker.ts). */
export class PlayedWorker {
  readonly application: Application;
  readonly sessions: Sessions;
  readonly storage: StorageClient;
  readonly locks: MortalLocks;
  isDead = false;
  readonly #death: Promise<void>;
  #told!: () => void;

  constructor(process: FarmProcess, worker: number, { app, sessions, nowMs }: ProcessParts) {
    this.#death = new Promise((resolve) => {
      this.#told = resolve;
    });
    this.storage = new StorageClient(process.connect(), { nowMs });
    this.locks = new MortalLocks(process.locks, worker);
    this.sessions = new Sessions({
      ...sessions,
      secrets: SECRETS,
      storage: this.storage,
      directory: new SessionDirectory(process.directory),
      locks: this.locks,
      turnWaitMs: TIMEOUT_MS,
      now: nowMs,
    });
    this.application = new Application({
      app,
      sessions: this.sessions,
      storage: this.storage,
      worker,
      logFault: () => {},
    });
  }

  /** Resolves to undefined if the worker has died before its answer left. */
  async send(request: HttpRequest): Promise<HttpResponse | undefined> {
    const response = await Promise.race([this.application.respond(request), this.#death]);
    return this.isDead ? undefined : (response as HttpResponse);
  }

  get isIdle(): boolean {
    return !this.isDead && this.sessions.turns.size === 0 && this.storage.pending === 0;
  }

  die(): void {
    if (this.isDead) return;
    this.isDead = true;
    this.#told();
    this.locks.die();
    this.storage.close();
  }
}

export class FarmProcess {
  readonly file: string;
  readonly directory = allocateSessionDirectory(DIRECTORY_ENTRIES);
  readonly locks;
  readonly workers: PlayedWorker[] = [];
  isDead = false;
  readonly #parts: ProcessParts;
  #storage: PlayedStorage | undefined;
  /** Ports to the storage that is about to serve. */
  readonly #waiting = new Set<MessagePort>();
  #reload: Promise<void> | undefined;

  private constructor(file: string, parts: ProcessParts) {
    this.file = file;
    this.#parts = parts;
    this.locks = allocateSessionLocks(parts.stripes);
  }

  /** Starts on a database whose schema is up to date. */
  static async start(file: string, parts: ProcessParts): Promise<FarmProcess> {
    const process = new FarmProcess(file, parts);
    process.#storage = await PlayedStorage.open(file, process.directory, parts);
    for (let worker = 0; worker < parts.workers; worker++) {
      process.workers.push(new PlayedWorker(process, worker, parts));
    }
    return process;
  }

  /** Nothing is under way, and nobody is dead who has not been replaced. */
  get isIdle(): boolean {
    return (
      !this.isDead &&
      this.#reload === undefined &&
      this.#storage?.ports.size === this.workers.length &&
      this.workers.every(({ isIdle }) => isIdle)
    );
  }

  /** The storage that serves. Undefined while it is being replaced. */
  get storage(): PlayedStorage | undefined {
    return this.#storage;
  }

  /** A port to the storage, for a worker. */
  connect(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    if (this.#storage !== undefined) this.#storage.attach(port1);
    else {
      this.#waiting.add(port1);
      port1.once("close", () => this.#waiting.delete(port1));
    }
    return port2;
  }

  /** A new thread for each worker that has died. */
  async replaceWorkers(): Promise<void> {
    for (const [worker, { isDead, locks }] of this.workers.entries()) {
      if (!isDead) continue;
      await locks.bury();
      if (!this.isDead) this.workers[worker] = new PlayedWorker(this, worker, this.#parts);
    }
  }

  /** Closes the storage and opens it anew: in order, while requests wait, or after it has failed, and lost them. */
  replaceStorage(isOrderly: boolean): void {
    if (this.#reload !== undefined || this.isDead) return;
    this.#reload = this.#replaceStorage(isOrderly).then(() => {
      this.#reload = undefined;
    });
  }

  async #replaceStorage(isOrderly: boolean): Promise<void> {
    const before = this.#storage!;
    this.#storage = undefined;
    if (isOrderly) {
      this.#reconnect();
      await before.released();
    }
    await before.end();
    if (this.isDead) return;
    if (!isOrderly) this.#reconnect();
    const next = await PlayedStorage.open(this.file, this.directory, this.#parts);
    if (this.isDead) return next.end();
    this.#storage = next;
    for (const port of this.#waiting) next.attach(port);
    this.#waiting.clear();
  }

  #reconnect(): void {
    for (const { isDead, storage } of this.workers) if (!isDead) storage.use(this.connect());
  }

  /** Everything is gone. Resolves when the last promise of it has come to its end, which nobody sees. */
  async die(): Promise<void> {
    this.isDead = true;
    for (const worker of this.workers) worker.die();
    for (const port of this.#waiting) port.close();
    await Promise.all([this.#reload, this.#storage?.end()]);
  }
}
