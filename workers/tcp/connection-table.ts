// All connections of a stack, found by the hash that the director computed and their whole 4-tuple.

import type { TcpConnection } from "./connection.js";
import { type FourTuple, isSameTuple } from "./four-tuple.js";
import { HashIndex } from "./hash-index.js";

export class ConnectionTable {
  readonly #index = new HashIndex();
  readonly #rows: (TcpConnection | null)[] = [];
  readonly #freeRows: number[] = [];

  get count(): number {
    return this.#index.count;
  }

  /** Rows that were ever in use: what `at` takes. */
  get rowCount(): number {
    return this.#rows.length;
  }

  at(row: number): TcpConnection | null {
    return this.#rows[row]!;
  }

  find(tuple: FourTuple, hash: number): TcpConnection | null {
    for (let at = this.#index.first(hash); at >= 0; at = this.#index.next(at, hash)) {
      const connection = this.#rows[this.#index.row(at)]!;
      if (isSameTuple(connection.tuple, tuple)) return connection;
    }
    return null;
  }

  insert(connection: TcpConnection): void {
    const row = this.#freeRows.pop() ?? this.#rows.length;
    this.#rows[row] = connection;
    connection.row = row;
    this.#index.insert(connection.hash, row);
  }

  /** Takes the connection out, if it is in. */
  remove(connection: TcpConnection): void {
    if (connection.row < 0) return;
    this.#index.remove(connection.hash, connection.row);
    this.#rows[connection.row] = null;
    this.#freeRows.push(connection.row);
    connection.row = -1;
  }

  /** A copy of all, for the few occasions that concern every connection. */
  all(): TcpConnection[] {
    return this.#rows.filter((connection) => connection !== null);
  }
}
