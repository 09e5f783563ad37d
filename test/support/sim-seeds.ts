// Which seeds a simulation runs, the same for all of them, and how a failing one is told.
//
// LIMPET_SIM_SEEDS: how many seeds. LIMPET_SIM_SEED: the first of them; alone, this one, to replay a failure.

export interface SimSeeds {
  readonly first: number;
  readonly count: number;
}

/** As the environment says, or `usual` seeds from 1 on. */
export function simSeeds(usual: number): SimSeeds {
  const { LIMPET_SIM_SEED, LIMPET_SIM_SEEDS } = process.env;
  return {
    first: Number(LIMPET_SIM_SEED ?? 1),
    count: Number(LIMPET_SIM_SEEDS ?? (LIMPET_SIM_SEED === undefined ? usual : 1)),
  };
}

/** Throws what the first seed to fail has thrown, and how to replay it. */
export function forEachSeed({ first, count }: SimSeeds, simulate: (seed: number) => void): void {
  for (let seed = first; seed < first + count; seed++) {
    try {
      simulate(seed);
    } catch (error) {
      (error as Error).message += ` (replay with LIMPET_SIM_SEED=${seed})`;
      throw error;
    }
  }
}
