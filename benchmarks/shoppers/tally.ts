// What all shoppers together have done and seen, in a memory that does not grow: counters, a histogram, and the last ten minutes by
// the second. Reads no clock; times are given.

import { Latencies, type Percentiles } from "../support/latencies.js";
import type { Kind } from "./behaviour.js";

export interface ShoppersReport {
  readonly shoppers: number;
  /** Since counting began, until the end if there was one. */
  readonly seconds: number;
  readonly requests: number;
  readonly requestsBy: Readonly<Record<string, number>>;
  /** Whole answers, by their status. */
  readonly answersBy: Readonly<Record<string, number>>;
  /**
   * Of whole answers, from the first byte sent to the last one received. The next request waits for the answer to the one before,
   * as people do: a farm that stands still is asked less meanwhile, and has fewer slow answers here than a load of a fixed rate
   * would find.
   */
  readonly latencies: Percentiles & { readonly maxUs: number };
  readonly sessionsBegun: number;
  readonly sessionsEnded: number;
  /** Sessions that were another, or an older one, when their visitor came back. Must be 0. */
  readonly sessionsLost: number;
  /** Checkouts that were acknowledged, once each however often they were sent. */
  readonly orders: number;
  /** Moves to another address in mid-visit. */
  readonly roams: number;
  /** Pages that were asked for again since their connection had ended while nobody used it, or just then. No failures. */
  readonly reconnections: number;
  /**
   * Requests that came to nothing, by reason. A refusal in the shop's own words (409: sold out, or a full cart) is none.
   */
  readonly failures: Readonly<Record<string, number>>;
  /** Answers in each whole second from the start; of the last 600 only. */
  readonly perSecond: readonly number[];
}

const REMEMBERED_SECONDS = 600;

export class Tally {
  requests = 0;
  sessionsBegun = 0;
  sessionsEnded = 0;
  sessionsLost = 0;
  orders = 0;
  roams = 0;
  reconnections = 0;
  readonly #requestsBy = new Map<string, number>();
  readonly #answersBy = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #latencies = new Latencies();
  readonly #startedMs: number;
  /** Answers by second, a ring; and which second it is that a place is about. */
  readonly #answers = new Float64Array(REMEMBERED_SECONDS);
  readonly #seconds = new Float64Array(REMEMBERED_SECONDS).fill(-1);

  constructor(nowMs: number) {
    this.#startedMs = nowMs;
  }

  asked(kind: Kind): void {
    this.requests++;
    count(this.#requestsBy, kind);
  }

  answered(status: number, tookMs: number, nowMs: number): void {
    count(this.#answersBy, String(status));
    this.#latencies.record(tookMs * 1000);
    const second = Math.floor((nowMs - this.#startedMs) / 1000);
    const place = second % REMEMBERED_SECONDS;
    if (this.#seconds[place] !== second) this.#answers[place] = 0;
    this.#seconds[place] = second;
    this.#answers[place]!++;
  }

  /** The reasons must be few. */
  failed(reason: string): void {
    count(this.#failures, reason);
  }

  report(shoppers: number, nowMs: number): ShoppersReport {
    const { requests, sessionsBegun, sessionsEnded, sessionsLost, orders, roams, reconnections } = this;
    const seconds = (nowMs - this.#startedMs) / 1000;
    return {
      shoppers,
      seconds,
      requests,
      requestsBy: Object.fromEntries(this.#requestsBy),
      answersBy: Object.fromEntries(this.#answersBy),
      latencies: { ...this.#latencies.percentiles(), maxUs: this.#latencies.maxUs },
      sessionsBegun,
      sessionsEnded,
      sessionsLost,
      orders,
      roams,
      reconnections,
      failures: Object.fromEntries(this.#failures),
      perSecond: this.#perSecond(Math.floor(seconds)),
    };
  }

  #perSecond(seconds: number): number[] {
    const first = Math.max(0, seconds - REMEMBERED_SECONDS);
    return Array.from({ length: seconds - first }, (_, i) => {
      const place = (first + i) % REMEMBERED_SECONDS;
      return this.#seconds[place] === first + i ? this.#answers[place]! : 0;
    });
  }
}

/** Whether the shop has done its work: a refusal in its own words (409: sold out, or a full cart) is an answer as good as any. */
export function isServed(status: number): boolean {
  return status < 400 || status === 409;
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
