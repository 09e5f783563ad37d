// The worker's end of the storage: turns calls into requests on a message port and replies into results. Knows no SQL
// and no sessions. What always holds: every promise is settled, within `timeoutMs` and a tenth at the latest; at most
// `maxPending` requests are on their way.
//
// Requests are sent when the event loop's turn is over: `queueMicrotask`, and from there `process.nextTick`, which runs
// when no microtask is left. So what handlers ask for after an `await` that was ready travels in the same message.

import type { MessagePort } from "node:worker_threads";
import {
  decodeReplies,
  decodeValue,
  encodeRequests,
  encodeValue,
  type FailureReply,
  monotonicMs,
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
  /** A clock in ms that all threads share. Default `monotonicMs`. */
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

export class StorageClient implements Storage {
  readonly #port: MessagePort;
  readonly #timeoutMs: number;
  readonly #maxPending: number;
  readonly #nowMs: () => number;
  readonly #timer: NodeJS.Timeout;
  /** By ID. In the order of asking, which is that of the deadlines, too. */
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;
  #unsent: Request[] = [];
  #willSend = false;
  /** Loads and versions that have been asked for but not sent, by key. */
  readonly #unsentLoads = new Map<string, Promise<StoredSession | undefined>>();
  readonly #unsentVersions = new Map<string, Promise<number>>();
  #closed = false;

  /** Takes the port over: the other end is the storage thread's. */
  constructor(port: MessagePort, options: StorageClientOptions = {}) {
    this.#port = port;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#maxPending = options.maxPending ?? DEFAULT_MAX_PENDING;
    this.#nowMs = options.nowMs ?? monotonicMs;
    this.#timer = setInterval(
      () => this.rejectOverdue(),
      Math.ceil(this.#timeoutMs / CHECKS_PER_TIMEOUT),
    ).unref();
    port.on("message", (message: Uint8Array) => this.#receive(message));
    port.on("close", () => this.#end("the storage has closed"));
  }

  /** Requests without an answer. While there are any, the event loop must run, or the answers never arrive. */
  get pending(): number {
    return this.#pending.size;
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
    this.#end("the worker has closed its storage");
    this.#port.close();
  }

  /** Gives up on the requests that have waited for too long. A timer calls it. */
  rejectOverdue(): void {
    const nowMs = this.#nowMs();
    for (const [id, { deadlineMs, reject }] of this.#pending) {
      if (deadlineMs > nowMs) return;
      this.#pending.delete(id);
      reject(new StorageError("unavailable", `no answer from the storage within ${this.#timeoutMs} ms`));
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
    const [, , state, version, expiresAtMs] = reply as [number, string, Uint8Array | null, number, number];
    // A copy: `state` is a view of the message, and who keeps it would keep all other answers in there with it.
    return state === null ? undefined : { state: new Uint8Array(state), version, expiresAtMs };
  }

  async #version(key: string): Promise<number> {
    const reply = await this.#ask((id) => ["version", id, key]);
    return reply[2] as number;
  }

  #ask(request: (id: number) => Request): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new StorageError("unavailable", "the storage has closed"));
        return;
      }
      if (this.#pending.size >= this.#maxPending) {
        reject(new StorageError("unavailable", `${this.#maxPending} requests wait for the storage already`));
        return;
      }
      const id = this.#nextId++;
      this.#pending.set(id, { deadlineMs: this.#nowMs() + this.#timeoutMs, resolve, reject });
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
    if (this.#closed) return;
    const message = encodeRequests(this.#nowMs() + this.#timeoutMs, requests);
    this.#port.postMessage(message, [message.buffer]);
  }

  #receive(message: Uint8Array): void {
    for (const reply of decodeReplies(message)) {
      const pending = this.#pending.get(reply[0]);
      // Its caller has been told that the wait was over.
      if (!pending) continue;
      this.#pending.delete(reply[0]);
      if (reply[1] === "done") pending.resolve(reply);
      else pending.reject(errorOf(reply as FailureReply));
    }
  }

  #end(reason: string): void {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const { reject } of this.#pending.values()) reject(new StorageError("unavailable", reason));
    this.#pending.clear();
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
