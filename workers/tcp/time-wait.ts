// Connections in TIME-WAIT (RFC 9293 section 3.3.2): a row of numbers each instead of a whole connection, in the
// order in which they end. Bounded: when all rows are in use the oldest is forgotten. Knows no segments. Has no flow: the
// director is told of the flow's end when TIME-WAIT begins, because a connection in it is no load to balance.
//
// A row's words: hash, IP version and link, ports, 4 remote address, 4 local address, sum of addresses, SND.NXT,
// RCV.NXT, whether timestamps are in use, TS.Recent, end (ms).

import type { TcpConnection } from "./connection.js";
import type { FourTuple } from "./four-tuple.js";
import { HashIndex } from "./hash-index.js";
import { NO_ROW, type RowList, Rows } from "./rows.js";

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
const ROW_WORDS = 17;

export class TimeWaitTable {
  readonly #maxRows: number;
  readonly #durationMs: number;
  readonly #index = new HashIndex();
  readonly #rows = new Rows(ROW_WORDS);
  /** All records, the oldest first. */
  readonly #list: RowList = { firstRow: NO_ROW, lastRow: NO_ROW, rowCount: 0 };

  constructor(maxRows: number, durationMs: number) {
    this.#maxRows = maxRows;
    this.#durationMs = durationMs;
  }

  get count(): number {
    return this.#list.rowCount;
  }

  /** Takes the connection over. Returns true if the oldest record had to go for it. */
  add(connection: TcpConnection, nowMs: number): boolean {
    const isFull = this.#list.rowCount >= this.#maxRows;
    if (isFull) this.remove(this.#list.firstRow);
    const rows = this.#rows;
    const row = rows.insertAfter(this.#list, this.#list.lastRow);
    const { tuple } = connection;
    rows.set(row, HASH, connection.hash);
    rows.set(row, VERSION_AND_LINK, tuple.ipVersion | (tuple.link << 8));
    rows.set(row, PORTS, tuple.ports);
    rows.set(row, REMOTE, tuple.remote0);
    rows.set(row, REMOTE + 1, tuple.remote1);
    rows.set(row, REMOTE + 2, tuple.remote2);
    rows.set(row, REMOTE + 3, tuple.remote3);
    rows.set(row, LOCAL, tuple.local0);
    rows.set(row, LOCAL + 1, tuple.local1);
    rows.set(row, LOCAL + 2, tuple.local2);
    rows.set(row, LOCAL + 3, tuple.local3);
    rows.set(row, ADDRESS_SUM, tuple.addressSum);
    rows.set(row, TIME_WAIT_SND_NXT, connection.sndNxt);
    rows.set(row, TIME_WAIT_RCV_NXT, connection.rcvNxt);
    rows.set(row, TIME_WAIT_TIMESTAMPS, connection.timestamps);
    rows.set(row, TIME_WAIT_TS_RECENT, connection.tsRecent);
    rows.set(row, END_MS, nowMs + this.#durationMs);
    this.#index.insert(connection.hash, row);
    return isFull;
  }

  /** The row of this tuple, whose hash is `hash`, or NO_ROW. */
  find(tuple: FourTuple, hash: number): number {
    if (this.#list.rowCount === 0) return NO_ROW;
    for (let at = this.#index.first(hash); at >= 0; at = this.#index.next(at, hash)) {
      const row = this.#index.row(at);
      if (this.#isTuple(row, tuple)) return row;
    }
    return NO_ROW;
  }

  /** One of the words whose names are exported. */
  get(row: number, word: number): number {
    return this.#rows.get(row, word);
  }

  addressSum(row: number): number {
    return this.#rows.get(row, ADDRESS_SUM);
  }

  /** Starts the 2 MSL again. */
  restart(row: number, nowMs: number): void {
    this.#rows.moveToEnd(this.#list, row);
    this.#rows.set(row, END_MS, nowMs + this.#durationMs);
  }

  /** Forgets a record. */
  remove(row: number): void {
    this.#index.remove(this.#rows.get(row, HASH), row);
    this.#rows.remove(this.#list, row);
  }

  /** Forgets every record whose time is over. */
  expire(nowMs: number): void {
    const list = this.#list;
    while (list.firstRow !== NO_ROW && this.#remainingMs(list.firstRow, nowMs) <= 0)
      this.remove(list.firstRow);
  }

  /** When the oldest record ends; Infinity without records. */
  nextDeadlineMs(nowMs: number): number {
    const { firstRow } = this.#list;
    return firstRow === NO_ROW ? Number.POSITIVE_INFINITY : nowMs + this.#remainingMs(firstRow, nowMs);
  }

  #remainingMs(row: number, nowMs: number): number {
    return (this.#rows.get(row, END_MS) - nowMs) | 0;
  }

  #isTuple(row: number, tuple: FourTuple): boolean {
    const rows = this.#rows;
    return (
      rows.get(row, PORTS) === tuple.ports &&
      rows.get(row, VERSION_AND_LINK) === (tuple.ipVersion | (tuple.link << 8)) &&
      rows.get(row, REMOTE) === tuple.remote0 &&
      rows.get(row, REMOTE + 1) === tuple.remote1 &&
      rows.get(row, REMOTE + 2) === tuple.remote2 &&
      rows.get(row, REMOTE + 3) === tuple.remote3 &&
      rows.get(row, LOCAL) === tuple.local0 &&
      rows.get(row, LOCAL + 1) === tuple.local1 &&
      rows.get(row, LOCAL + 2) === tuple.local2 &&
      rows.get(row, LOCAL + 3) === tuple.local3
    );
  }
}
