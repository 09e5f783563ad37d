// What workers and the storage thread say to each other, and how it is put into bytes. The only file of the storage
// that workers import: it must know neither SQL nor Knex.
//
// A message is one MessagePack value in a Uint8Array of its own, transferred (measured: never slower than copying,
// twice as fast from 64 KiB), and carries everything that one side has to say in one turn:
//   worker -> storage   [deadline in ms of `processMs`, request, request, …]
//   storage -> worker   [reply, reply, …]
// Requests and replies are tuples; a request's ID is the worker's own, and its reply begins with it. An app's arguments
// and results travel as MessagePack within MessagePack: what cannot be encoded fails alone, not with its neighbours.

import { Packr } from "msgpackr";

/** Why a request was not done. `invalid_request`: the worker sent something that it must not. */
export type FailureCode =
  | "conflict"
  | "unavailable"
  | "procedure_failed"
  | "unknown_procedure"
  | "invalid_request";

export type LoadRequest = readonly [kind: "load", id: number, key: string];
export type VersionRequest = readonly [kind: "version", id: number, key: string];
export type CommitRequest = readonly [
  kind: "commit",
  id: number,
  key: string,
  baseVersion: number,
  state: Uint8Array | null,
  expiresAtMs: number,
  replacesKey: string | null,
  procedure: string | null,
  args: Uint8Array | null,
];
export type CallRequest = readonly [kind: "call", id: number, procedure: string, args: Uint8Array | null];
export type Request = LoadRequest | VersionRequest | CommitRequest | CallRequest;

/** State is null, version 0 when there is no such session. */
export type LoadReply = readonly [
  id: number,
  done: "done",
  state: Uint8Array | null,
  version: number,
  expiresAtMs: number,
  createdAtMs: number,
];
export type VersionReply = readonly [id: number, done: "done", version: number];
export type CommitReply = readonly [id: number, done: "done", version: number, result: Uint8Array | null];
export type CallReply = readonly [id: number, done: "done", result: Uint8Array];
export type FailureReply = readonly [id: number, code: FailureCode, message: string];
export type Reply = LoadReply | VersionReply | CommitReply | CallReply | FailureReply;

/** The ID in a reply to something that has none. */
export const NO_REQUEST_ID = -1;

/** MessagePack of an empty state. */
export const EMPTY_STATE: Uint8Array = Uint8Array.of(0x80);

/** Longest state of one session, in bytes. */
export const MAX_STATE_BYTES = 16 * 1024 * 1024;

/** Longest name of a procedure, in UTF-16 units. */
export const MAX_PROCEDURE_NAME_LENGTH = 200;

// No records: each value must be readable by itself.
const packr = new Packr({ useRecords: false });

/** Any value as MessagePack, in a buffer of its own (Packr's result is a view of a pool that must not be transferred). */
export function encodeValue(value: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(packr.pack(value));
}

/** The value that `encodeValue` got. Byte strings in it are views of `bytes`. Throws on anything else. */
export function decodeValue(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}

export function encodeRequests(deadlineMs: number, requests: readonly Request[]): Uint8Array<ArrayBuffer> {
  return encodeValue([deadlineMs, ...requests]);
}

export function encodeReplies(replies: readonly Reply[]): Uint8Array<ArrayBuffer> {
  return encodeValue(replies);
}

/** The replies in a message of the storage thread, which is trusted to send nothing else. */
export function decodeReplies(message: Uint8Array): readonly Reply[] {
  return decodeValue(message) as readonly Reply[];
}

/** A worker's message as read: what can be done, and the answers to what cannot. */
export interface ReceivedRequests {
  readonly deadlineMs: number;
  readonly requests: readonly Request[];
  readonly refusals: readonly FailureReply[];
}

/** Reads a worker's message, whatever it is: nothing in it is believed, and nothing in it throws. */
export function decodeRequests(message: unknown): ReceivedRequests {
  const refusals: FailureReply[] = [];
  const requests: Request[] = [];
  const values = message instanceof Uint8Array ? tryDecode(message) : undefined;
  if (!Array.isArray(values) || typeof values[0] !== "number") {
    refusals.push([
      NO_REQUEST_ID,
      "invalid_request",
      "the message is not a deadline and requests in MessagePack",
    ]);
    return { deadlineMs: 0, requests, refusals };
  }
  for (let index = 1; index < values.length; index++) {
    const value: unknown = values[index];
    const fault = faultOf(value);
    if (fault === undefined) requests.push(value as Request);
    else refusals.push([idOf(value), "invalid_request", fault]);
  }
  return { deadlineMs: values[0], requests, refusals };
}

function tryDecode(message: Uint8Array): unknown {
  try {
    return decodeValue(message);
  } catch {
    return undefined;
  }
}

function idOf(value: unknown): number {
  return Array.isArray(value) && isCount(value[1]) ? value[1] : NO_REQUEST_ID;
}

/** What is wrong with a request, or undefined. */
function faultOf(value: unknown): string | undefined {
  if (!Array.isArray(value) || !isCount(value[1])) return "a request is not a tuple with an ID";
  switch (value[0]) {
    case "load":
    case "version":
      return isKey(value[2]) ? undefined : "the key is not 32 hexadecimal digits";
    case "call":
      if (!isProcedureName(value[2])) return "the procedure's name is not a short string";
      return isBytesOrNull(value[3]) ? undefined : "the arguments are not bytes";
    case "commit":
      return commitFaultOf(value);
    default:
      return "there is no such kind of request";
  }
}

function commitFaultOf(value: readonly unknown[]): string | undefined {
  const [, , key, baseVersion, state, expiresAtMs, replacesKey, procedure, args] = value;
  if (!isKey(key)) return "the key is not 32 hexadecimal digits";
  if (!isCount(baseVersion)) return "the base version is not a whole number";
  if (!isBytesOrNull(state)) return "the state is not bytes";
  if (state !== null && state.byteLength > MAX_STATE_BYTES)
    return `the state is over ${MAX_STATE_BYTES} bytes`;
  if (!isCount(expiresAtMs)) return "the time of expiry is not a whole number of ms";
  if (replacesKey !== null && (!isKey(replacesKey) || replacesKey === key))
    return "the replaced key is not another key";
  if (procedure !== null && !isProcedureName(procedure)) return "the procedure's name is not a short string";
  return isBytesOrNull(args) ? undefined : "the arguments are not bytes";
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isKey(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{32}$/.test(value);
}

function isProcedureName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= MAX_PROCEDURE_NAME_LENGTH;
}

function isBytesOrNull(value: unknown): value is Uint8Array | null {
  return value === null || value instanceof Uint8Array;
}
