// The storage as a worker sees it. The client that speaks to the storage thread implements this; tests have their own.

/** A session as the database has it. */
export interface StoredSession {
  /** MessagePack of the state. */
  readonly state: Uint8Array;
  /** 1 for the first commit, +1 with each. */
  readonly version: number;
  /** When it ends if it is not used again, in ms since the epoch: tells a worker when a mere reader must renew it. */
  readonly expiresAtMs: number;
  /** When its first version was committed, under whatever key, in ms since the epoch. */
  readonly createdAtMs: number;
}

/** One change of one session, with the procedure that belongs to it: all of it in one transaction, or none. */
export interface SessionChange {
  /** Hash of the session's ID: 32 hexadecimal digits. The ID itself is never stored. */
  readonly key: string;
  /**
   * The version that the change was made from; 0 for a session that was never stored. With `replacesKey` it is the
   * version of the session under that key: what another worker has committed there meanwhile must not be lost.
   */
  readonly baseVersion: number;
  /** MessagePack of the new state, or null to delete the session. Must not change until the commit is answered. */
  readonly state: Uint8Array | null;
  /** When the session ends if it is not used again, in ms since the epoch. */
  readonly expiresAtMs: number;
  /** The key that the session had before `regenerate`: an empty session, of the next version, is left there for a while. */
  readonly replacesKey?: string;
  readonly procedure?: string;
  /** Sent with MessagePack. */
  readonly args?: unknown;
}

export interface Committed {
  /** The version that is now in the database. */
  readonly version: number;
  /** What the procedure returned. */
  readonly result: unknown;
}

/** Why the storage did not do it. Nothing was changed, but see "unavailable". */
export type StorageErrorCode =
  /** The session has another version by now. */
  | "conflict"
  /**
   * No answer within the bounded wait, the database failed, or too much is waiting. A commit whose answer did not come
   * in time may have been done all the same: forget what is cached of the session, and load it.
   */
  | "unavailable"
  /** The app's procedure threw; its message is this error's. */
  | "procedure_failed"
  /** The app has no procedure of that name. */
  | "unknown_procedure"
  /** The request cannot be sent, or the storage does not take it: a fault of the worker's or, in its arguments, the app's. */
  | "invalid_request";

export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly code: StorageErrorCode;

  constructor(code: StorageErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** All promises reject with a `StorageError`. What is asked within one turn of the worker travels in one message. */
export interface Storage {
  /** The session, or undefined if there is none or it has expired. */
  load(key: string): Promise<StoredSession | undefined>;
  /** The session's version, 0 if there is none or it has expired. */
  version(key: string): Promise<number>;
  /** Resolves when the change is durable. */
  commit(change: SessionChange): Promise<Committed>;
  /** Runs a procedure of the app outside of any session. */
  call(procedure: string, args: unknown): Promise<unknown>;
}
