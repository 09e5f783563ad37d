// The storage for tests of the session layer: keeps what storage/session-store.ts promises (versions, replaced keys,
// expiry, a procedure with its change or neither) in a Map, together with the session directory that it writes. Failures
// and latency are the test's; every call is counted.

import { VERSION_UNKNOWN } from "../../core/memory/session-directory.js";
import type { SessionVersions } from "../../workers/session/sessions.js";
import {
  type Committed,
  type SessionChange,
  type Storage,
  StorageError,
  type StoredSession,
} from "../../workers/session/storage.js";

export class MemoryStorage implements Storage {
  readonly rows = new Map<string, StoredSession>();
  readonly calls = { load: 0, version: 0, commit: 0, call: 0 };
  /** Procedures by name. What they return is the result; what they throw is "procedure_failed". */
  readonly procedures = new Map<string, (args: unknown) => unknown>();
  /** The last changes that were asked for, done or not. */
  readonly changes: SessionChange[] = [];
  /** While set, every call is refused with it. */
  failure: StorageError | undefined;
  /** Waited for before and after each call is done: the way there and the way back. */
  latency: (what: string) => Promise<unknown> = () => Promise.resolve();
  /** By key text: what the directory knows. */
  readonly known = new Map<string, number>();
  readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  /** The directory, as the workers read it. */
  readonly directory: SessionVersions = {
    versionOf: (words) => {
      let key = "";
      for (const word of words) key += (word >>> 0).toString(16).padStart(8, "0");
      return this.known.get(key) ?? VERSION_UNKNOWN;
    },
  };

  /** All calls that went to the database. */
  get totalCalls(): number {
    return this.calls.load + this.calls.version + this.calls.commit + this.calls.call;
  }

  load(key: string): Promise<StoredSession | undefined> {
    this.calls.load++;
    return this.#do("load", () => {
      const row = this.#current(key);
      this.known.set(key, row?.version ?? 0);
      return row;
    });
  }

  version(key: string): Promise<number> {
    this.calls.version++;
    return this.#do("version", () => {
      const version = this.#current(key)?.version ?? 0;
      this.known.set(key, version);
      return version;
    });
  }

  commit(change: SessionChange): Promise<Committed> {
    this.calls.commit++;
    this.changes.push(change);
    return this.#do("commit", () => {
      const { key, replacesKey, baseVersion, state, expiresAtMs, procedure, args } = change;
      const isCurrent = (this.#current(replacesKey ?? key)?.version ?? 0) === baseVersion;
      if (!isCurrent || (replacesKey !== undefined && this.#current(key) !== undefined)) {
        throw new StorageError("conflict", "the session has another version");
      }
      const result = procedure === undefined ? undefined : this.#run(procedure, args);
      const createdAtMs = this.#current(replacesKey ?? key)?.createdAtMs ?? this.now();
      if (replacesKey !== undefined) {
        const empty = { state: Uint8Array.of(0x80), version: baseVersion + 1, createdAtMs: this.now() };
        this.#write(replacesKey, { ...empty, expiresAtMs: this.now() + 15 * 60_000 });
      }
      if (state === null) {
        this.#write(key, undefined);
        return { version: 0, result };
      }
      const version = baseVersion + 1;
      this.#write(key, { state: new Uint8Array(state), version, expiresAtMs, createdAtMs });
      return { version, result };
    });
  }

  call(procedure: string, args: unknown): Promise<unknown> {
    this.calls.call++;
    return this.#do("call", () => this.#run(procedure, args));
  }

  async #do<Result>(what: string, work: () => Result): Promise<Result> {
    await this.latency(what);
    if (this.failure !== undefined) throw this.failure;
    // Kept as an outcome, so that bad news takes its time to come back too.
    let result: Result;
    try {
      result = work();
    } catch (error) {
      await this.latency(`${what} refused`);
      throw error;
    }
    await this.latency(`${what} done`);
    return result;
  }

  #run(procedure: string, args: unknown): unknown {
    const body = this.procedures.get(procedure);
    if (body === undefined)
      throw new StorageError("unknown_procedure", `there is no procedure "${procedure}"`);
    try {
      return body(args);
    } catch (error) {
      throw new StorageError("procedure_failed", (error as Error).message);
    }
  }

  #current(key: string): StoredSession | undefined {
    const row = this.rows.get(key);
    return row !== undefined && row.expiresAtMs > this.now() ? row : undefined;
  }

  /** Directory last: it never knows of what is not durable. */
  #write(key: string, row: StoredSession | undefined): void {
    if (row === undefined) this.rows.delete(key);
    else this.rows.set(key, row);
    this.known.set(key, row?.version ?? 0);
  }
}
