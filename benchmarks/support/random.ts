// Chance that repeats: a seeded generator for simulations (SplitMix32: a counter, mixed by MurmurHash3's finalizer). Good
// enough for traffic, and for nothing that must be secret.

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number, 0 … 2^32 - 1, each as likely as the other. */
  word(): number {
    this.#state = (this.#state + 0x9e37_79b9) | 0;
    let word = this.#state;
    word = Math.imul(word ^ (word >>> 16), 0x85eb_ca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2_ae35);
    return (word ^ (word >>> 16)) >>> 0;
  }

  /** A number from 0 to 1, without the 1. */
  fraction(): number {
    return this.word() / 2 ** 32;
  }

  /** A whole number, 0 … `count` - 1. */
  below(count: number): number {
    return Math.floor(this.fraction() * count);
  }

  /** A waiting time of the given mean that knows nothing of its past (exponential). */
  wait(mean: number): number {
    return -Math.log(1 - this.fraction()) * mean;
  }
}

/** Draws 0 … `count` - 1 by Zipf's law: number n (from 1) is 1/n as likely as the first. Returns the draw, from 0. */
export function zipf(random: Random, count: number): () => number {
  const cumulative = new Float64Array(count);
  let sum = 0;
  for (let n = 0; n < count; n++) {
    sum += 1 / (n + 1);
    cumulative[n] = sum;
  }
  return () => {
    const drawn = random.fraction() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulative[middle]! > drawn) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
