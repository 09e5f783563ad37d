// Numbered rows of a few 32-bit words each, in arrays that grow by doubling and never shrink, so that taking a row allocates
// nothing. Every row in use is in one of many doubly linked lists, each in an order of its own. What the words mean is their
// user's part.

export const NO_ROW = -1;

const INITIAL_ROWS = 64;

/** What the owner of a list keeps of it. */
export interface RowList {
  firstRow: number;
  lastRow: number;
  rowCount: number;
}

export class Rows {
  readonly #rowWords: number;
  #words: Int32Array;
  /** Free rows are linked through it, too; rows never used begin at `#fresh`. */
  #next = new Int32Array(INITIAL_ROWS);
  #previous = new Int32Array(INITIAL_ROWS);
  #free = NO_ROW;
  #fresh = 0;
  #inUse = 0;

  constructor(rowWords: number) {
    this.#rowWords = rowWords;
    this.#words = new Int32Array(INITIAL_ROWS * rowWords);
  }

  /** Rows in all lists. */
  get inUse(): number {
    return this.#inUse;
  }

  get(row: number, word: number): number {
    return this.#words[row * this.#rowWords + word]!;
  }

  set(row: number, word: number, value: number): void {
    this.#words[row * this.#rowWords + word] = value;
  }

  /** The row after this one in its list, or NO_ROW. */
  next(row: number): number {
    return this.#next[row]!;
  }

  previous(row: number): number {
    return this.#previous[row]!;
  }

  /** One more row in the list, after `previous` or, after NO_ROW, at its beginning. Its words are left from whoever had it. */
  insertAfter(list: RowList, previous: number): number {
    const row = this.#acquire();
    this.#link(list, previous, row);
    return row;
  }

  /** The row becomes its list's last one. */
  moveToEnd(list: RowList, row: number): void {
    this.#unlink(list, row);
    this.#link(list, list.lastRow, row);
  }

  remove(list: RowList, row: number): void {
    this.#unlink(list, row);
    this.#next[row] = this.#free;
    this.#free = row;
    this.#inUse--;
  }

  #acquire(): number {
    this.#inUse++;
    if (this.#free !== NO_ROW) {
      const row = this.#free;
      this.#free = this.#next[row]!;
      return row;
    }
    if (this.#fresh === this.#next.length) {
      this.#words = grown(this.#words);
      this.#next = grown(this.#next);
      this.#previous = grown(this.#previous);
    }
    return this.#fresh++;
  }

  #link(list: RowList, previous: number, row: number): void {
    const next = previous === NO_ROW ? list.firstRow : this.#next[previous]!;
    this.#next[row] = next;
    this.#previous[row] = previous;
    if (previous === NO_ROW) list.firstRow = row;
    else this.#next[previous] = row;
    if (next === NO_ROW) list.lastRow = row;
    else this.#previous[next] = row;
    list.rowCount++;
  }

  #unlink(list: RowList, row: number): void {
    const next = this.#next[row]!;
    const previous = this.#previous[row]!;
    if (previous === NO_ROW) list.firstRow = next;
    else this.#next[previous] = next;
    if (next === NO_ROW) list.lastRow = previous;
    else this.#previous[next] = previous;
    list.rowCount--;
  }
}

function grown(words: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * words.length);
  larger.set(words);
  return larger;
}
