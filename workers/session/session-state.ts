// A session's state: an object for the app, MessagePack bytes everywhere else (cache, messages, database). Knows neither
// IDs nor storage. What always holds: bytes from `encode` are at most `maxStateBytes`, or no more than there were before, and
// decode to an equal object; what would come back as something else (a function, a Map, an instance of a class) is refused by name, not bent.

import { Packr } from "msgpackr";
import type { SessionState } from "../app/app.js";
import { SessionStateError } from "./session-error.js";

/** Deepest nesting of a state. Also what ends the walk through a cycle. */
export const MAX_STATE_DEPTH = 64;

/** Encodes and decodes states up to `maxStateBytes` encoded bytes. */
export class StateCodec {
  readonly maxStateBytes: number;
  // Without records every row can be read by itself; with copied buffers no app can change the cached bytes through
  // a byte string that it was given.
  readonly #packr = new Packr({ useRecords: false, variableMapSize: true, copyBuffers: true });
  /** States are decoded from here: msgpackr hangs a DataView of 100 bytes on each array that it is given. */
  readonly #scratch: Uint8Array;
  /** Bytes that the state may still take: the walk counts the least that each value needs. */
  #bytesLeft = 0;

  constructor(maxStateBytes: number) {
    this.maxStateBytes = maxStateBytes;
    this.#scratch = new Uint8Array(maxStateBytes);
  }

  /**
   * The state's bytes, valid until the next call. `storedBytes` is the length of what it replaces: under a limit that was
   * lowered, a state may stay as large as it is, and shrink by and by. Throws a SessionStateError.
   */
  encode(state: SessionState, storedBytes = 0): Uint8Array {
    if (!isPlainObject(state)) {
      throw new SessionStateError(
        "state_not_encodable",
        `session.state ${describe(state)}, not a plain object`,
      );
    }
    const mostBytes = Math.max(this.maxStateBytes, storedBytes);
    this.#bytesLeft = mostBytes;
    const fault = this.#findFault(state, 0);
    if (this.#bytesLeft < 0) throw this.#tooLarge();
    if (fault !== undefined) throw new SessionStateError("state_not_encodable", `session.state${fault}`);
    const bytes = this.#packr.pack(state);
    if (bytes.length > mostBytes) throw this.#tooLarge();
    return bytes;
  }

  /** A new object each time. Throws a SessionStateError. */
  decode(bytes: Uint8Array): SessionState {
    let state: unknown;
    try {
      // One stored under a higher limit is decoded where it is.
      if (bytes.length > this.#scratch.length) state = this.#packr.unpack(bytes);
      else {
        this.#scratch.set(bytes);
        state = this.#packr.unpack(this.#scratch, bytes.length);
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new SessionStateError("state_corrupt", `the stored state is not MessagePack: ${reason}`);
    }
    if (!isPlainObject(state)) {
      throw new SessionStateError("state_corrupt", `the stored state ${describe(state)}, not a map`);
    }
    return state;
  }

  /**
   * What in `value` cannot be kept, as the rest of a sentence (".cart[2].total is a function"), or undefined. Ends early
   * when the state is too large anyway, so that neither a cycle nor one object met a million times is ever encoded.
   */
  #findFault(value: unknown, depth: number): string | undefined {
    if (--this.#bytesLeft < 0) return undefined;
    switch (typeof value) {
      case "string":
        this.#bytesLeft -= value.length;
        return undefined;
      case "number":
      case "boolean":
      case "undefined":
        return undefined;
      case "bigint":
        if (BigInt.asIntN(64, value) === value || BigInt.asUintN(64, value) === value) return undefined;
        return " is a bigint beyond 64 bits";
      case "object":
        return value === null ? undefined : this.#findFaultWithin(value, depth);
      default:
        return ` ${describe(value)}`;
    }
  }

  #findFaultWithin(value: object, depth: number): string | undefined {
    if (depth > MAX_STATE_DEPTH) return ` is nested more than ${MAX_STATE_DEPTH} deep, or contains itself`;
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length && this.#bytesLeft >= 0; index++) {
        const fault = this.#findFault(value[index], depth + 1);
        if (fault !== undefined) return `[${index}]${fault}`;
      }
      return undefined;
    }
    if (value instanceof Uint8Array) {
      this.#bytesLeft -= value.length;
      return undefined;
    }
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? " is an invalid Date" : undefined;
    if (!isPlainObject(value)) return ` ${describe(value)}`;
    for (const key of Object.keys(value)) {
      this.#bytesLeft -= key.length + 1;
      const fault = this.#findFault(value[key], depth + 1);
      if (fault !== undefined) return `.${key}${fault}`;
      if (this.#bytesLeft < 0) return undefined;
    }
    return undefined;
  }

  #tooLarge(): SessionStateError {
    return new SessionStateError(
      "state_too_large",
      `session.state is larger than ${this.maxStateBytes} bytes encoded, which is the limit`,
    );
  }
}

/** True if two encodings are equal. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** A copy in memory of its own, so that keeping a few bytes does not keep the whole buffer that they came in. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function isPlainObject(value: unknown): value is SessionState {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function describe(value: unknown): string {
  if (value === null) return "is null";
  if (typeof value !== "object") return `is a ${typeof value}`;
  if (Array.isArray(value)) return "is an array";
  return `is an instance of ${value.constructor?.name || "a class"}`;
}
