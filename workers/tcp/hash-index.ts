// An open-addressed index from 32-bit hashes to small numbers (rows of some table): linear probing, removal by moving
// later entries up, so that no tombstones are left. Equal hashes are kept side by side; comparing keys is the
// caller's part. It grows by doubling and never shrinks.
//
//   for (let at = index.first(hash); at >= 0; at = index.next(at, hash)) { row = index.row(at) … }

const EMPTY = -1;

/** Spreads the hash: its low bits may have chosen the worker already, and would be the same for all entries here. */
function spread(hash: number): number {
  const mixed = Math.imul(hash, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

export class HashIndex {
  #hashes: Int32Array;
  #rows: Int32Array;
  #mask: number;
  #count = 0;

  constructor(initialEntries = 512) {
    const capacity = 2 ** Math.ceil(Math.log2(2 * initialEntries));
    this.#hashes = new Int32Array(capacity);
    this.#rows = new Int32Array(capacity).fill(EMPTY);
    this.#mask = capacity - 1;
  }

  get count(): number {
    return this.#count;
  }

  /** A place whose entry has this hash, or -1. */
  first(hash: number): number {
    return this.#find(spread(hash) & this.#mask, hash);
  }

  /** The next such place after `at`, or -1. */
  next(at: number, hash: number): number {
    return this.#find((at + 1) & this.#mask, hash);
  }

  row(at: number): number {
    return this.#rows[at]!;
  }

  insert(hash: number, row: number): void {
    if (2 * (this.#count + 1) > this.#mask + 1) this.#grow();
    this.#place(hash, row);
    this.#count++;
  }

  /** Removes the entry of this hash and row, which must be there. */
  remove(hash: number, row: number): void {
    let hole = this.first(hash);
    while (this.#rows[hole] !== row) hole = this.next(hole, hash);
    this.#count--;
    // Later entries of the run move up if their own place is not after the hole.
    for (let at = (hole + 1) & this.#mask; this.#rows[at] !== EMPTY; at = (at + 1) & this.#mask) {
      const home = spread(this.#hashes[at]!) & this.#mask;
      if (((at - home) & this.#mask) < ((at - hole) & this.#mask)) continue;
      this.#hashes[hole] = this.#hashes[at]!;
      this.#rows[hole] = this.#rows[at]!;
      hole = at;
    }
    this.#rows[hole] = EMPTY;
  }

  #find(start: number, hash: number): number {
    // Ends, because at least half of all places are empty.
    for (let at = start; this.#rows[at] !== EMPTY; at = (at + 1) & this.#mask) {
      if (this.#hashes[at] === hash) return at;
    }
    return -1;
  }

  #place(hash: number, row: number): void {
    let at = spread(hash) & this.#mask;
    while (this.#rows[at] !== EMPTY) at = (at + 1) & this.#mask;
    this.#hashes[at] = hash;
    this.#rows[at] = row;
  }

  #grow(): void {
    const hashes = this.#hashes;
    const rows = this.#rows;
    this.#hashes = new Int32Array(2 * hashes.length);
    this.#rows = new Int32Array(2 * rows.length).fill(EMPTY);
    this.#mask = this.#rows.length - 1;
    for (let at = 0; at < rows.length; at++) if (rows[at] !== EMPTY) this.#place(hashes[at]!, rows[at]!);
  }
}
