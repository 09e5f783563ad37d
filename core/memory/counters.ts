// Counters in shared memory: one block a thread, one 64-bit word a name. Each block has one writer, so that adding is a
// plain load and store; readers sum the blocks. Floating-point words count exactly up to 2^53, where 32-bit words
// would wrap within minutes, and are written whole on every 64-bit machine.

/** A block of counters, one word a name; `names` fixes the order for writer and readers. */
export class Counters<Name extends string> {
  readonly names: readonly Name[];
  readonly buffer: SharedArrayBuffer;
  /** writer: the thread that owns this block · readers: anyone. */
  readonly words: Float64Array;

  constructor(names: readonly Name[], buffer = new SharedArrayBuffer(names.length * 8)) {
    this.names = names;
    this.buffer = buffer;
    this.words = new Float64Array(buffer);
  }

  /** Adds to the counter number `index` of `names`. */
  add(index: number, amount = 1): void {
    this.words[index]! += amount;
  }

  get(name: Name): number {
    return this.words[this.names.indexOf(name)] ?? 0;
  }

  /** The counters by name, in the order of `names`. */
  snapshot(): Record<Name, number> {
    return Object.fromEntries(this.names.map((name, index) => [name, this.words[index]!])) as Record<
      Name,
      number
    >;
  }
}
