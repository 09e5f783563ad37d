// Units that every shared region is laid out in, and the checks that their constructors share.

/** Bytes in a cache line: words with different writers are kept this far apart. */
export const CACHE_LINE_BYTES = 64;

/** Words (32 bits) in a cache line. */
export const CACHE_LINE_WORDS = CACHE_LINE_BYTES / 4;

export function assertPowerOfTwo(value: number, what: string): void {
  if (!Number.isInteger(value) || value < 1 || value > 2 ** 30 || (value & (value - 1)) !== 0) {
    throw new RangeError(`${what} must be a power of two up to 2^30, not ${value}`);
  }
}
