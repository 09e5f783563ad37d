// How long answers took, in a memory that does not grow with their number: every latency to a thousandth.

import { build } from "hdr-histogram-js";

/** In microseconds; 0 where there was none. */
export interface Percentiles {
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
}

export class Latencies {
  readonly #histogram = build({ numberOfSignificantValueDigits: 3 });

  /** One that there was so many times. Less than a microsecond counts as one. */
  record(us: number, times = 1): void {
    this.#histogram.recordValueWithCount(Math.max(1, Math.round(us)), times);
  }

  percentiles(): Percentiles {
    const at = (percentile: number) => this.#histogram.getValueAtPercentile(percentile);
    return { p50Us: at(50), p90Us: at(90), p99Us: at(99), p999Us: at(99.9) };
  }

  get maxUs(): number {
    return this.#histogram.maxValue;
  }
}
