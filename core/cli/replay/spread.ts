// How evenly something is spread over workers.

export interface Spread {
  readonly mean: number;
  readonly most: number;
  /** Standard deviation by mean; 0: all have the same. Null if nobody has any. */
  readonly coefficientOfVariation: number | null;
  /** What the one with the most has, by mean; 1: all have the same. Null if nobody has any. */
  readonly mostByMean: number | null;
}

/** Of one figure a worker; there must be a worker. */
export function spreadOf(figures: readonly number[]): Spread {
  const mean = figures.reduce((sum, figure) => sum + figure, 0) / figures.length;
  const most = Math.max(...figures);
  if (mean === 0) return { mean, most, coefficientOfVariation: null, mostByMean: null };
  const variance = figures.reduce((sum, figure) => sum + (figure - mean) ** 2, 0) / figures.length;
  return { mean, most, coefficientOfVariation: Math.sqrt(variance) / mean, mostByMean: most / mean };
}
