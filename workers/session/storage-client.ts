// The worker's end of the storage: turns calls into requests on a message port and replies into results. Knows no SQL
// and no sessions. What always holds: every promise is settled, within `timeoutMs` and a tenth at the latest; at most
// `maxPending` requests are on their way. The storage may be replaced (`use`): what was asked of the old one is answered by it.
//
// Requests are sent when the event loop's turn is over: `queueMicrotask`, and from there `process.nextTick`, which runs
// when no microtask is left. So what handlers ask for after an `await` that was ready travels in the same message.

import type { MessagePort } from "node:worker_threads";
import { processMs } from "../../core/memory/process-clock.js";
import {
  decodeReplies,
  decodeValue,
  encodeRequests,
  encodeValue,
  type FailureReply,
  type LoadReply,
  type Reply,
  type Request,
} from "../../storage/messages.js";
import {
  type Committed,
  type SessionChange,
  type Storage,
  StorageError,
  type StoredSession,
} from "./storage.js";

export interface StorageClientOptions {
  /** The bounded wait for an answer, in ms. Default 5000. */
  readonly timeoutMs?: number;
  /** Most requests without an answer; more are refused at once. Default 8192. */
  readonly maxPending?: number;
  /** A clock in ms that all threads share. Default `processMs`. */
  readonly nowMs?: () => number;
}

const DEFAULT_TIMEOUT_MS = 5_000;
const DEFAULT_MAX_PENDING = 8_192;

/** Looks for overdue requests in one bounded wait: one timer does for all of them. */
const CHECKS_PER_TIMEOUT = 10;

/** What waits for a reply. */
interface Pending {
  readonly deadlineMs: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: StorageError) => void;
}

/** A port, and what was asked through it: by ID, in the order of asking, which is that of the deadlines, too. */
interface Route {
  readonly port: MessagePort;
  readonly pending: Map<number, Pending>;
}

export class StorageClient implements Storage {
  /** Where requests go now; undefined between the end of a storage and the next one. */
  #route: Route | undefined;
  /** With those before it that still owe answers. */
  readonly #routes = new Set<Route>();
  readonly #timeoutMs: number;
  readonly #maxPending: number;
  readonly #nowMs: () => number;
  readonly #timer: NodeJS.Timeout;
  #nextId = 0;
  #unsent: Request[] = [];
  #willSend = false;
  /** Loads and versions that have been asked for but not sent, by key. */
  readonly #unsentLoads = new Map<string, Promise<StoredSession | undefined>>();
  readonly #unsentVersions = new Map<string, Promise<number>>();
  #closed = false;

  /** Takes the port over: the other end is the storage thread's. */
  constructor(port: MessagePort, options: StorageClientOptions = {}) {
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#maxPending = options.maxPending ?? DEFAULT_MAX_PENDING;
    this.#nowMs = options.nowMs ?? processMs;
    this.#timer = setInterval(
      () => this.rejectOverdue(),
      Math.ceil(this.#timeoutMs / CHECKS_PER_TIMEOUT),
    ).unref();
    this.use(port);
  }

  /** From now on the storage is at the other end of `port`. The old port closes when all that was asked through it is answered. */
  use(port: MessagePort): void {
    if (this.#closed) {
      port.close();
      return;
    }
    this.#send();
    const before = this.#route;
    const route: Route = { port, pending: new Map() };
    this.#route = route;
    this.#routes.add(route);
    port.on("message", (message: Uint8Array) => this.#receive(route, message));
    port.on("close", () => this.#lose(route, "the storage has closed"));
    if (before !== undefined) this.#closeIfDone(before);
  }

  /** Requests without an answer. While there are any, the event loop must run, or the answers never arrive. */
  get pending(): number {
    let pending = 0;
    for (const route of this.#routes) pending += route.pending.size;
    return pending;
  }

  load(key: string): Promise<StoredSession | undefined> {
    return this.#shared(this.#unsentLoads, key, () => this.#load(key));
  }

  version(key: string): Promise<number> {
    return this.#shared(this.#unsentVersions, key, () => this.#version(key));
  }

  async commit(change: SessionChange): Promise<Committed> {
    const { key, baseVersion, state, expiresAtMs, replacesKey = null, procedure = null } = change;
    const args = procedure === null ? null : encodeArguments(change.args);
    const reply = await this.#ask((id) => {
      return ["commit", id, key, baseVersion, state, expiresAtMs, replacesKey, procedure, args];
    });
    const [, , version, result] = reply as [number, string, number, Uint8Array | null];
    return { version, result: result === null ? undefined : decodeValue(result) };
  }

  async call(procedure: string, args: unknown): Promise<unknown> {
    const bytes = encodeArguments(args);
    const reply = await this.#ask((id) => ["call", id, procedure, bytes]);
    return decodeValue(reply[2] as Uint8Array);
  }

  /** Ends the wait of all requests, and the connection. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const route of this.#routes) {
      this.#lose(route, "the worker has closed its storage");
      route.port.close();
    }
  }

  /** Gives up on the requests that have waited for too long. A timer calls it. */
  rejectOverdue(): void {
    const nowMs = this.#nowMs();
    for (const route of this.#routes) {
      for (const [id, { deadlineMs, reject }] of route.pending) {
        if (deadlineMs > nowMs) break;
        route.pending.delete(id);
        reject(new StorageError("unavailable", `no answer from the storage within ${this.#timeoutMs} ms`));
      }
      this.#closeIfDone(route);
    }
  }

  /**
   * Requests for one key share one until it is sent, not until it is answered: an answer under way may be from before a
   * commit that the later caller knows of.
   */
  #shared<Result>(
    unsent: Map<string, Promise<Result>>,
    key: string,
    ask: () => Promise<Result>,
  ): Promise<Result> {
    const known = unsent.get(key);
    if (known) return known;
    const asked = ask();
    // Not if it was refused: nothing will be sent, and the next caller must ask again.
    if (this.#willSend) unsent.set(key, asked);
    return asked;
  }

  async #load(key: string): Promise<StoredSession | undefined> {
    const reply = await this.#ask((id) => ["load", id, key]);
    const [, , state, version, expiresAtMs, createdAtMs] = reply as LoadReply;
    // A copy: `state` is a view of the message, and who keeps it would keep all other answers in there with it.
    return state === null ? undefined : { state: new Uint8Array(state), version, expiresAtMs, createdAtMs };
  }

  async #version(key: string): Promise<number> {
    const reply = await this.#ask((id) => ["version", id, key]);
    return reply[2] as number;
  }

  #ask(request: (id: number) => Request): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const route = this.#route;
      if (route === undefined) {
        reject(new StorageError("unavailable", "the storage has closed"));
        return;
      }
      if (this.pending >= this.#maxPending) {
        reject(new StorageError("unavailable", `${this.#maxPending} requests wait for the storage already`));
        return;
      }
      const id = this.#nextId++;
      route.pending.set(id, { deadlineMs: this.#nowMs() + this.#timeoutMs, resolve, reject });
      this.#unsent.push(request(id));
      this.#sendLater();
    });
  }

  #sendLater(): void {
    if (this.#willSend) return;
    this.#willSend = true;
    queueMicrotask(() => process.nextTick(() => this.#send()));
  }

  #send(): void {
    const requests = this.#unsent;
    this.#willSend = false;
    this.#unsent = [];
    this.#unsentLoads.clear();
    this.#unsentVersions.clear();
    if (this.#route === undefined || requests.length === 0) return;
    const message = encodeRequests(this.#nowMs() + this.#timeoutMs, requests);
    this.#route.port.postMessage(message, [message.buffer]);
  }

  #receive(route: Route, message: Uint8Array): void {
    for (const reply of decodeReplies(message)) {
      const pending = route.pending.get(reply[0]);
      // Its caller has been told that the wait was over.
      if (!pending) continue;
      route.pending.delete(reply[0]);
      if (reply[1] === "done") pending.resolve(reply);
      else pending.reject(errorOf(reply as FailureReply));
    }
    this.#closeIfDone(route);
  }

  /** Lets an old port go once nothing is owed on it. */
  #closeIfDone(route: Route): void {
    if (route === this.#route || route.pending.size > 0) return;
    this.#routes.delete(route);
    route.port.close();
  }

  /** The storage at the other end is gone, and with it the answers that it owed. */
  #lose(route: Route, reason: string): void {
    if (this.#route === route) this.#route = undefined;
    this.#routes.delete(route);
    for (const { reject } of route.pending.values()) reject(new StorageError("unavailable", reason));
    route.pending.clear();
  }
}

function errorOf([, code, message]: FailureReply): StorageError {
  return new StorageError(code, message);
}

/** Encoded alone and at once: arguments that cannot be sent fail their own caller, and later changes to them do not count. */
function encodeArguments(args: unknown): Uint8Array | null {
  if (args === undefined) return null;
  try {
    return encodeValue(args);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StorageError("invalid_request", `the procedure's arguments cannot be encoded: ${reason}`);
  }
}
