// The storage's turns. Requests of all workers wait here; each turn takes those that wait now, kind by kind: all reads as
// one query, some calls, one group of changes as one transaction, a slice of expired sessions. Each step's answers leave
// together, one message a worker.
//
// Why reads wait while a group is committed: there is one connection, and on it a read inside of the transaction would
// see what is not committed yet. The wait is bounded by the group's size, and the reads that gathered are one query.
// For the same reason calls have a step of their own: nothing else is open on the connection while they run.
// Requests that wait together are done in no particular order: whoever needs one awaits the one before.
//
// Steps, and procedures, are apart by a turn of the event loop: better-sqlite3 never waits for anything, and as long as requests
// wait no timer and no message would have its turn; to the main thread it would look like an endless loop.
//
// The session directory is written between the database's word and the answer: a worker that has an answer can rely
// on every other worker finding its cached version old.

import { setImmediate as eventLoopTurn } from "node:timers/promises";
import type { Knex } from "knex";
import type { DirectoryKeeper } from "./directory-keeper.js";
import { firstLineOf, isDatabaseDown } from "./failure.js";
import {
  type CallRequest,
  type CommitRequest,
  decodeRequests,
  encodeReplies,
  type FailureCode,
  type FailureReply,
  type LoadRequest,
  type Reply,
  type Request,
  type VersionRequest,
} from "./messages.js";
import type { Procedures } from "./procedures.js";
import type { Change, Outcome, SessionRecord, SessionStore } from "./session-store.js";

export interface ServiceLimits {
  /** Most requests that wait, of all workers together; more are answered "unavailable" at once. */
  readonly maxWaiting: number;
  /** Most bytes of states that wait to be committed. */
  readonly maxWaitingBytes: number;
  /** Most changes in one transaction: bounds how long reads wait for it. */
  readonly maxGroupChanges: number;
  /** Most bytes of states in one transaction, unless a single one has more. */
  readonly maxGroupBytes: number;
  /** Most calls in one turn. */
  readonly maxTurnCalls: number;
  /** Most expired sessions deleted in one turn. */
  readonly maxTurnExpired: number;
}

export const DEFAULT_SERVICE_LIMITS: ServiceLimits = {
  maxWaiting: 65_536,
  maxWaitingBytes: 256 * 1024 * 1024,
  maxGroupChanges: 512,
  maxGroupBytes: 8 * 1024 * 1024,
  maxTurnCalls: 64,
  maxTurnExpired: 500,
};

/** A worker, as far as the storage knows it. */
export interface Client {
  /** Sends a message to the worker; must not throw when the worker is gone. */
  send(message: Uint8Array<ArrayBuffer>): void;
}

export interface ServiceParts {
  readonly store: SessionStore;
  readonly procedures: Procedures;
  /** What procedures that are called outside of a session get. */
  readonly database: Knex;
  readonly directory: DirectoryKeeper;
  readonly limits: ServiceLimits;
  /** The clock that deadlines are told in. */
  readonly monotonicMs: () => number;
  /** Called with a sentence when the database begins to fail, and with null when it serves again. */
  readonly onTrouble: (message: string | null) => void;
}

interface Waiting<Kind extends Request> {
  readonly client: Client;
  readonly deadlineMs: number;
  readonly request: Kind;
}

export class StorageService {
  readonly #parts: ServiceParts;
  #reads: Waiting<LoadRequest | VersionRequest>[] = [];
  #calls: Waiting<CallRequest>[] = [];
  #commits: Waiting<CommitRequest>[] = [];
  #commitBytes = 0;
  #sweeping = false;
  readonly #replies = new Map<Client, Reply[]>();
  /** The turns under way; resolves when nothing is waiting. */
  #turns: Promise<void> | undefined;
  #closed = false;
  #inTrouble = false;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  /** Takes a worker's message, whatever it is. */
  receive(client: Client, message: unknown): void {
    const { deadlineMs, requests, refusals } = decodeRequests(message);
    const refused = [...refusals];
    for (const request of requests) {
      const refusal = this.#enqueue(client, deadlineMs, request);
      if (refusal) refused.push(refusal);
    }
    if (refused.length > 0) client.send(encodeReplies(refused));
    if (!this.#idle) this.#takeTurns();
  }

  /** Begins to delete expired sessions, a slice a turn. It shows, too, whether the database serves when nobody asks for anything. */
  sweep(): void {
    if (this.#closed) return;
    this.#sweeping = true;
    this.#takeTurns();
  }

  /** Resolves when everything that waits, or comes meanwhile, has been answered. */
  async settled(): Promise<void> {
    await this.#turns;
  }

  /** Refuses what comes from now on. Resolves when everything that waits has been answered. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#sweeping = false;
    await this.settled();
  }

  /** Lets a request wait for its turn, or returns why not. */
  #enqueue(client: Client, deadlineMs: number, request: Request): FailureReply | undefined {
    const { limits, procedures } = this.#parts;
    const [kind, id] = request;
    if (this.#closed) return [id, "unavailable", "the storage is closing"];
    if (this.#reads.length + this.#calls.length + this.#commits.length >= limits.maxWaiting) {
      return [id, "unavailable", "too many requests are waiting for the storage"];
    }
    if (kind === "load" || kind === "version") {
      this.#reads.push({ client, deadlineMs, request });
      return undefined;
    }
    const procedure = kind === "call" ? request[2] : request[7];
    if (procedure !== null && !procedures.has(procedure)) {
      return [id, "unknown_procedure", `the app has no procedure ${procedure}`];
    }
    if (kind === "call") {
      this.#calls.push({ client, deadlineMs, request });
      return undefined;
    }
    if (this.#commitBytes + stateBytes(request) > limits.maxWaitingBytes) {
      return [id, "unavailable", "too many bytes are waiting to be committed"];
    }
    this.#commitBytes += stateBytes(request);
    this.#commits.push({ client, deadlineMs, request });
    return undefined;
  }

  get #idle(): boolean {
    return this.#reads.length + this.#calls.length + this.#commits.length === 0 && !this.#sweeping;
  }

  #takeTurns(): void {
    this.#turns ??= this.#runTurns().then(
      () => {
        this.#turns = undefined;
        if (!this.#idle) this.#takeTurns();
      },
      // The database's and the app's errors are answers. Anything else is a fault of ours: the thread must not go on
      // as if nothing were wrong, so it is thrown where nobody catches it.
      (error: unknown) => {
        setImmediate(() => {
          throw error;
        });
      },
    );
  }

  async #runTurns(): Promise<void> {
    while (!this.#idle) {
      // After the poll phase: what other workers have sent by now is in this turn, too.
      await eventLoopTurn();
      await this.#answerReads();
      this.#sendReplies();
      await this.#runCalls();
      this.#sendReplies();
      await this.#commitGroup();
      this.#sendReplies();
      await this.#expireSlice();
    }
  }

  async #answerReads(): Promise<void> {
    const reads = this.#reads.filter((read) => this.#isInTime(read));
    this.#reads = [];
    if (reads.length === 0) return;
    const loads = new Set<string>();
    const versions = new Set<string>();
    for (const { request } of reads) if (request[0] === "load") loads.add(request[2]);
    for (const { request } of reads) if (!loads.has(request[2])) versions.add(request[2]);
    const { store, directory } = this.#parts;
    try {
      directory.begin();
      const records = await store.load([...loads]);
      const known = await store.versions([...versions]);
      for (const key of loads) directory.note(key, records.get(key)?.version ?? 0);
      for (const key of versions) directory.note(key, known.get(key) ?? 0);
      for (const { client, request } of reads) {
        const [kind, id, key] = request;
        const record = records.get(key);
        const version = record?.version ?? known.get(key) ?? 0;
        if (kind === "version") this.#reply(client, [id, "done", version]);
        else this.#replyToLoad(client, id, record);
      }
      this.#serves();
    } catch (error) {
      this.#failsToServe(error);
      for (const { client, request } of reads)
        this.#fail(client, request[1], "unavailable", firstLineOf(error));
    }
  }

  #replyToLoad(client: Client, id: number, record: SessionRecord | undefined): void {
    if (record === undefined) {
      this.#reply(client, [id, "done", null, 0, 0, 0]);
      return;
    }
    const { state, version, expiresAtMs, createdAtMs } = record;
    this.#reply(client, [id, "done", state, version, expiresAtMs, createdAtMs]);
  }

  async #runCalls(): Promise<void> {
    const { procedures, database, limits } = this.#parts;
    for (const call of this.#calls.splice(0, limits.maxTurnCalls)) {
      if (!this.#isInTime(call)) continue;
      const [, id, name, args] = call.request;
      try {
        this.#reply(call.client, [id, "done", await procedures.run(name, database, args)]);
        this.#serves();
      } catch (error) {
        this.#failProcedure(call.client, id, error);
      }
    }
  }

  async #commitGroup(): Promise<void> {
    if (this.#commits.length === 0) return;
    await eventLoopTurn();
    const group = this.#takeGroup().filter((commit) => this.#isInTime(commit));
    if (group.length === 0) return;
    this.#parts.directory.begin();
    const outcomes = await this.#parts.store.commit(group.map(({ request }) => this.#changeOf(request)));
    for (const [index, { client, request }] of group.entries()) {
      this.#answerCommit(client, request, outcomes[index]!);
    }
  }

  /** The changes that waited longest, up to the limits of one transaction. */
  #takeGroup(): Waiting<CommitRequest>[] {
    const { maxGroupChanges, maxGroupBytes } = this.#parts.limits;
    let count = 0;
    let bytes = 0;
    while (count < this.#commits.length && count < maxGroupChanges) {
      bytes += stateBytes(this.#commits[count]!.request);
      if (count > 0 && bytes > maxGroupBytes) break;
      count++;
    }
    const group = this.#commits.splice(0, count);
    for (const { request } of group) this.#commitBytes -= stateBytes(request);
    return group;
  }

  #changeOf(request: CommitRequest): Change {
    const [, , key, baseVersion, state, expiresAtMs, replacesKey, name, args] = request;
    const procedure =
      name === null ? null : (database: Knex.Transaction) => this.#parts.procedures.run(name, database, args);
    return { key, baseVersion, state, expiresAtMs, replacesKey, procedure };
  }

  #answerCommit(client: Client, request: CommitRequest, outcome: Outcome): void {
    const [, id, key, , , , replacesKey] = request;
    const { directory } = this.#parts;
    switch (outcome.code) {
      case "committed":
        this.#serves();
        directory.note(key, outcome.version);
        if (replacesKey !== null) directory.forget(replacesKey);
        this.#reply(client, [id, "done", outcome.version, outcome.result]);
        break;
      case "conflict":
        directory.contradicted(replacesKey ?? key);
        this.#fail(client, id, "conflict", "the session has been changed since it was loaded");
        break;
      case "procedure_failed":
        this.#fail(client, id, "procedure_failed", firstLineOf(outcome.error));
        break;
      case "unavailable":
        this.#failsToServe(outcome.error);
        // A COMMIT that fails has changed nothing in all that we know of, but nobody must have to rely on it.
        directory.forget(key);
        if (replacesKey !== null) directory.forget(replacesKey);
        this.#fail(client, id, "unavailable", firstLineOf(outcome.error));
        break;
    }
  }

  async #expireSlice(): Promise<void> {
    if (!this.#sweeping) return;
    await eventLoopTurn();
    const { store, limits, directory } = this.#parts;
    try {
      directory.begin();
      const keys = await store.expire(limits.maxTurnExpired);
      for (const key of keys) directory.note(key, 0);
      this.#serves();
      if (keys.length < limits.maxTurnExpired) this.#sweeping = false;
    } catch (error) {
      // The next sweep tries again.
      this.#sweeping = false;
      this.#failsToServe(error);
    }
  }

  /** False, and answered, if the worker has given up waiting: then it must not be done behind its back. */
  #isInTime({ client, deadlineMs, request }: Waiting<Request>): boolean {
    if (this.#parts.monotonicMs() < deadlineMs) return true;
    this.#fail(client, request[1], "unavailable", "the request waited too long for the storage");
    return false;
  }

  #failProcedure(client: Client, id: number, error: unknown): void {
    if (isDatabaseDown(error)) this.#failsToServe(error);
    this.#fail(client, id, isDatabaseDown(error) ? "unavailable" : "procedure_failed", firstLineOf(error));
  }

  #fail(client: Client, id: number, code: FailureCode, message: string): void {
    this.#reply(client, [id, code, message]);
  }

  #reply(client: Client, reply: Reply): void {
    const replies = this.#replies.get(client);
    if (replies) replies.push(reply);
    else this.#replies.set(client, [reply]);
  }

  #sendReplies(): void {
    for (const [client, replies] of this.#replies) client.send(encodeReplies(replies));
    this.#replies.clear();
  }

  #serves(): void {
    if (!this.#inTrouble) return;
    this.#inTrouble = false;
    this.#parts.onTrouble(null);
  }

  #failsToServe(error: unknown): void {
    if (this.#inTrouble) return;
    this.#inTrouble = true;
    this.#parts.onTrouble(firstLineOf(error));
  }
}

function stateBytes(request: CommitRequest): number {
  return request[4]?.byteLength ?? 0;
}
