// Faults on purpose: how often packets of a link are lost, damaged or delayed, between text and numbers. The text is that of
// the option `fault`: "drop=1%,delay=20ms,seed=7". What happens to a packet then is fault-queue.ts's part.

/** Chances in percent, 0 … 100, of each packet by itself, in either direction; plain data that can be sent to a thread. */
export interface FaultPlan {
  /** The packet never arrives. */
  readonly dropPercent: number;
  /** It arrives twice. */
  readonly duplicatePercent: number;
  /** One bit of it arrives inverted. */
  readonly corruptPercent: number;
  /** The next few packets overtake it. */
  readonly reorderPercent: number;
  /** How long each packet is under way, in ms: `delayMs` more or less `jitterMs`, which is at most `delayMs`. */
  readonly delayMs: number;
  readonly jitterMs: number;
  /** What becomes of packet number n follows from this and n. Below 2^32. */
  readonly seed: number;
}

// Each queue of packets has a stream of the seed to itself.
export const STREAM_RECEIVED = 0;
export const STREAM_TRANSMITTED = 1;
/** Of worker 0; the others' follow. */
export const STREAM_WORKERS = 2;

/** Longest delay, in ms. */
const MAX_DELAY_MS = 10_000;
const MAX_SEED = 2 ** 32 - 1;

/** A fault's name in the text, its unit there, the most of it, and what is without it. The order is that of the text. */
interface Term {
  readonly name: string;
  readonly field: keyof FaultPlan;
  readonly unit: "%" | "ms" | "";
  readonly most: number;
  readonly without: number;
}

const TERMS: readonly Term[] = [
  { name: "drop", field: "dropPercent", unit: "%", most: 100, without: 0 },
  { name: "duplicate", field: "duplicatePercent", unit: "%", most: 100, without: 0 },
  { name: "corrupt", field: "corruptPercent", unit: "%", most: 100, without: 0 },
  { name: "reorder", field: "reorderPercent", unit: "%", most: 100, without: 0 },
  { name: "delay", field: "delayMs", unit: "ms", most: MAX_DELAY_MS, without: 0 },
  { name: "jitter", field: "jitterMs", unit: "ms", most: MAX_DELAY_MS, without: 0 },
  { name: "seed", field: "seed", unit: "", most: MAX_SEED, without: 1 },
];

/** What the text says, or undefined if it is none: an unknown or repeated name, a number out of bounds or without its unit. */
export function parseFaultPlan(text: string): FaultPlan | undefined {
  const plan = Object.fromEntries(TERMS.map(({ field, without }) => [field, without])) as {
    -readonly [Field in keyof FaultPlan]: FaultPlan[Field];
  };
  const given = new Set<Term>();
  for (const part of text.split(",")) {
    const [, name, digits, unit] = /^([a-z]+)=(\d{1,10}(?:\.\d{1,6})?)(%|ms|)$/.exec(part) ?? [];
    const term = TERMS.find((one) => one.name === name);
    if (term === undefined || unit !== term.unit || given.has(term)) return undefined;
    const value = Number(digits);
    if (value > term.most || (term.field === "seed" && !Number.isInteger(value))) return undefined;
    given.add(term);
    plan[term.field] = value;
  }
  return plan.jitterMs <= plan.delayMs ? plan : undefined;
}

/** The text that `parseFaultPlan` takes for this plan, without what it is anyway. */
export function formatFaultPlan(plan: FaultPlan): string {
  return TERMS.filter(({ field, without }) => field === "seed" || plan[field] !== without)
    .map(({ name, field, unit }) => `${name}=${plan[field]}${unit}`)
    .join(",");
}

/** Whether anything happens to any packet. */
export function hasEffect(plan: FaultPlan): boolean {
  const { dropPercent, duplicatePercent, corruptPercent, reorderPercent, delayMs } = plan;
  return dropPercent + duplicatePercent + corruptPercent + reorderPercent + delayMs > 0;
}
