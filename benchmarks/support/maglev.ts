// Maglev's lookup table (Eisenbud and others, "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016,
// section 3.4), to compare limpet's `hash` policy with. A farm that used it would have to keep it beside the board and make
// it anew whenever a worker comes or goes.

/** Places of the table, a prime: the paper's small size, at least a hundred times the workers. */
export const MAGLEV_PLACES = 65_537;

/**
 * The table for the given workers (numbers 0 … 255, at least one): a worker a place, to be looked up at `hash % MAGLEV_PLACES`.
 * Each worker has an order of its own over all places, and they take turns in claiming the next that is free.
 */
export function maglevTable(workers: readonly number[]): Uint8Array {
  if (workers.length === 0) throw new RangeError("a Maglev table is of at least one worker");
  const table = new Uint8Array(MAGLEV_PLACES);
  const isTaken = new Uint8Array(MAGLEV_PLACES);
  const places = workers.map((worker) => mix(worker, 0x1234_5677) % MAGLEV_PLACES);
  // From 1 to the size less 1, which share no divisor with a prime: each order visits every place.
  const skips = workers.map((worker) => (mix(worker, 0x0765_4321) % (MAGLEV_PLACES - 1)) + 1);
  for (let claimed = 0; claimed < MAGLEV_PLACES; claimed++) {
    const turn = claimed % workers.length;
    let place = places[turn]!;
    while (isTaken[place] !== 0) place = (place + skips[turn]!) % MAGLEV_PLACES;
    table[place] = workers[turn]!;
    isTaken[place] = 1;
    places[turn] = (place + skips[turn]!) % MAGLEV_PLACES;
  }
  return table;
}

/** An unsigned 32-bit hash of a worker's number, one of several by its salt. */
function mix(worker: number, salt: number): number {
  let word = Math.imul(worker + 1, 0x9e37_79b1) ^ salt;
  word = Math.imul(word ^ (word >>> 16), 0x85eb_ca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2_ae35);
  return (word ^ (word >>> 16)) >>> 0;
}
