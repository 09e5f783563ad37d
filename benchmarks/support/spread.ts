// What a figure is worth: measured several times, its median and what it lay between. And whether the figures of two runs agree. A
// figure that does not depend on the machine is a plain number, of which two runs with one seed must have the same.

/** Of the rounds of one run. */
export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** Throws RangeError without any round. */
export function spreadOf(rounds: readonly number[]): Spread {
  if (rounds.length === 0) throw new RangeError("no round was measured");
  return { median: median(rounds), lowest: Math.min(...rounds), highest: Math.max(...rounds) };
}

/** The middle one of an odd number of figures, the mean of the middle two of an even. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function isSpread(value: unknown): value is Spread {
  if (typeof value !== "object" || value === null) return false;
  const { median, lowest, highest } = value as Partial<Spread>;
  return [median, lowest, highest].every((one) => typeof one === "number");
}

/** A figure's median, and in brackets what the rounds lay between where they differ; all in `digits` decimals. */
export function spreadText({ median, lowest, highest }: Spread, digits = 0): string {
  const [middle, low, high] = [median, lowest, highest].map((value) => value.toFixed(digits));
  return low === high ? middle! : `${middle} (${low}…${high})`;
}

/** The same in another unit, of which one of the old has so many. */
export function scaleSpread({ median, lowest, highest }: Spread, factor: number): Spread {
  return { median: median * factor, lowest: lowest * factor, highest: highest * factor };
}

/** How two measurements of the same figure stand to each other. */
export interface Comparison {
  /** Where the figure stands in the output: keys and indices, with dots between them. */
  readonly path: string;
  /** False for a plain number, which here is a spread without any width. */
  readonly isSpread: boolean;
  readonly first: Spread;
  readonly second: Spread;
  /** The second median as a multiple of the first; NaN if both are 0. */
  readonly ratio: number;
  /** What the rounds of one run lay between overlaps with what those of the other did. */
  readonly agrees: boolean;
}

/**
 * Compares every spread and every plain number that two outputs of one shape have; throws Error where their shapes, or their
 * words, differ.
 */
export function compareSpreads(first: unknown, second: unknown, path = ""): Comparison[] {
  if (isSpread(first) && isSpread(second)) return [compare(path, true, first, second)];
  if (typeof first === "number" && typeof second === "number")
    return [compare(path, false, spreadOf([first]), spreadOf([second]))];
  if (typeof first !== "object" || typeof second !== "object" || first === null || second === null) {
    if (first !== second) throw new Error(`${path} is not the same in both of them`);
    return [];
  }
  const names = new Set([...Object.keys(first), ...Object.keys(second)]);
  return [...names].flatMap((name) => {
    const at = path === "" ? name : `${path}.${name}`;
    if (!(name in first && name in second)) throw new Error(`${at} is not in both of them`);
    return compareSpreads(first[name as keyof typeof first], second[name as keyof typeof second], at);
  });
}

function compare(path: string, isSpread: boolean, first: Spread, second: Spread): Comparison {
  const agrees = first.lowest <= second.highest && second.lowest <= first.highest;
  return { path, isSpread, first, second, ratio: second.median / first.median, agrees };
}
