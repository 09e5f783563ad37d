// Connections in TIME-WAIT (RFC 9293 section 3.3.2): a row of numbers each instead of a whole connection, in the
// order in which they end. Bounded: when all rows are in use the oldest is forgotten. Knows no segments. Has no flow: the
// director is told of the flow's end when TIME-WAIT begins, because a connection in it is no load to balance.
//
// A row's words: hash, IP version and link, ports, 4 remote address, 4 local address, sum of addresses, SND.NXT,
// RCV.NXT, whether timestamps are in use, TS.Recent, end (ms), next row, previous row.

import type { TcpConnection } from "./connection.js";
import type { FourTuple } from "./four-tuple.js";
import { HashIndex } from "./hash-index.js";

const ROW_WORDS = 19;
const HASH = 0;
const VERSION_AND_LINK = 1;
const PORTS = 2;
const REMOTE = 3;
const LOCAL = 7;
const ADDRESS_SUM = 11;
export const TIME_WAIT_SND_NXT = 12;
export const TIME_WAIT_RCV_NXT = 13;
export const TIME_WAIT_TIMESTAMPS = 14;
export const TIME_WAIT_TS_RECENT = 15;
const END_MS = 16;
const NEXT = 17;
const PREVIOUS = 18;

const NONE = -1;

export class TimeWaitTable {
  readonly #maxRows: number;
  readonly #durationMs: number;
  readonly #index = new HashIndex();
  #words = new Int32Array(64 * ROW_WORDS);
  /** Free rows are linked through NEXT; rows never used begin at `#fresh`. */
  #free = NONE;
  #fresh = 0;
  #oldest = NONE;
  #newest = NONE;

  constructor(maxRows: number, durationMs: number) {
    this.#maxRows = maxRows;
    this.#durationMs = durationMs;
  }

  get count(): number {
    return this.#index.count;
  }

  /** Takes the connection over. Returns true if the oldest record had to go for it. */
  add(connection: TcpConnection, nowMs: number): boolean {
    const isFull = this.#index.count >= this.#maxRows;
    if (isFull) this.remove(this.#oldest);
    const row = this.#acquireRow();
    const words = this.#words;
    const at = row * ROW_WORDS;
    const { tuple } = connection;
    words[at + HASH] = connection.hash;
    words[at + VERSION_AND_LINK] = tuple.ipVersion | (tuple.link << 8);
    words[at + PORTS] = tuple.ports;
    words[at + REMOTE] = tuple.remote0;
    words[at + REMOTE + 1] = tuple.remote1;
    words[at + REMOTE + 2] = tuple.remote2;
    words[at + REMOTE + 3] = tuple.remote3;
    words[at + LOCAL] = tuple.local0;
    words[at + LOCAL + 1] = tuple.local1;
    words[at + LOCAL + 2] = tuple.local2;
    words[at + LOCAL + 3] = tuple.local3;
    words[at + ADDRESS_SUM] = tuple.addressSum;
    words[at + TIME_WAIT_SND_NXT] = connection.sndNxt;
    words[at + TIME_WAIT_RCV_NXT] = connection.rcvNxt;
    words[at + TIME_WAIT_TIMESTAMPS] = connection.timestamps;
    words[at + TIME_WAIT_TS_RECENT] = connection.tsRecent;
    this.#append(row, nowMs);
    this.#index.insert(connection.hash, row);
    return isFull;
  }

  /** The row of this tuple, whose hash is `hash`, or -1. */
  find(tuple: FourTuple, hash: number): number {
    if (this.#index.count === 0) return NONE;
    for (let at = this.#index.first(hash); at >= 0; at = this.#index.next(at, hash)) {
      const row = this.#index.row(at);
      if (this.#isTuple(row, tuple)) return row;
    }
    return NONE;
  }

  /** One of the words whose names are exported. */
  get(row: number, word: number): number {
    return this.#words[row * ROW_WORDS + word]!;
  }

  addressSum(row: number): number {
    return this.#words[row * ROW_WORDS + ADDRESS_SUM]!;
  }

  set(row: number, word: number, value: number): void {
    this.#words[row * ROW_WORDS + word] = value;
  }

  /** Starts the 2 MSL again. */
  restart(row: number, nowMs: number): void {
    this.#unlink(row);
    this.#append(row, nowMs);
  }

  /** Forgets a record. */
  remove(row: number): void {
    const at = row * ROW_WORDS;
    this.#index.remove(this.#words[at + HASH]!, row);
    this.#unlink(row);
    this.#words[at + NEXT] = this.#free;
    this.#free = row;
  }

  /** Forgets every record whose time is over. */
  expire(nowMs: number): void {
    while (this.#oldest !== NONE && this.#remainingMs(this.#oldest, nowMs) <= 0) this.remove(this.#oldest);
  }

  /** When the oldest record ends; Infinity without records. */
  nextDeadlineMs(nowMs: number): number {
    return this.#oldest === NONE ? Number.POSITIVE_INFINITY : nowMs + this.#remainingMs(this.#oldest, nowMs);
  }

  #remainingMs(row: number, nowMs: number): number {
    return (this.#words[row * ROW_WORDS + END_MS]! - nowMs) | 0;
  }

  #isTuple(row: number, tuple: FourTuple): boolean {
    const words = this.#words;
    const at = row * ROW_WORDS;
    return (
      words[at + PORTS] === tuple.ports &&
      words[at + VERSION_AND_LINK] === (tuple.ipVersion | (tuple.link << 8)) &&
      words[at + REMOTE] === tuple.remote0 &&
      words[at + REMOTE + 1] === tuple.remote1 &&
      words[at + REMOTE + 2] === tuple.remote2 &&
      words[at + REMOTE + 3] === tuple.remote3 &&
      words[at + LOCAL] === tuple.local0 &&
      words[at + LOCAL + 1] === tuple.local1 &&
      words[at + LOCAL + 2] === tuple.local2 &&
      words[at + LOCAL + 3] === tuple.local3
    );
  }

  #acquireRow(): number {
    if (this.#free !== NONE) {
      const row = this.#free;
      this.#free = this.#words[row * ROW_WORDS + NEXT]!;
      return row;
    }
    const row = this.#fresh++;
    if ((row + 1) * ROW_WORDS > this.#words.length) {
      const grown = new Int32Array(2 * this.#words.length);
      grown.set(this.#words);
      this.#words = grown;
    }
    return row;
  }

  #append(row: number, nowMs: number): void {
    const at = row * ROW_WORDS;
    this.#words[at + END_MS] = nowMs + this.#durationMs;
    this.#words[at + NEXT] = NONE;
    this.#words[at + PREVIOUS] = this.#newest;
    if (this.#newest === NONE) this.#oldest = row;
    else this.#words[this.#newest * ROW_WORDS + NEXT] = row;
    this.#newest = row;
  }

  #unlink(row: number): void {
    const next = this.#words[row * ROW_WORDS + NEXT]!;
    const previous = this.#words[row * ROW_WORDS + PREVIOUS]!;
    if (previous === NONE) this.#oldest = next;
    else this.#words[previous * ROW_WORDS + NEXT] = next;
    if (next === NONE) this.#newest = previous;
    else this.#words[next * ROW_WORDS + PREVIOUS] = previous;
  }
}
