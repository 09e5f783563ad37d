// A flow filter in a URL's query: parameters have the names of `FlowFilter`'s parts. Whether their values can be is for the
// filter's own check (flow-filter.ts), but for what is no number at all.

import type { FlowFilter } from "../flow/flow-filter.js";
import { OptionError } from "../options.js";

const TEXTS = ["kind", "state", "protocol", "source", "destination"] as const;
const NUMBERS = ["worker", "port", "minIdleSeconds"] as const;

/** Names of the parameters that make a filter. */
export const FLOW_FILTER_PARAMETERS = [...TEXTS, ...NUMBERS] as const satisfies readonly (keyof FlowFilter)[];

/** The filter in the query, which may have other parameters too. Throws `OptionError`. */
export function readFlowFilter(query: URLSearchParams): FlowFilter {
  const filter: Record<string, string | number> = {};
  for (const name of TEXTS) {
    const text = query.get(name);
    if (text !== null) filter[name] = text;
  }
  for (const name of NUMBERS) {
    const text = query.get(name);
    if (text !== null) filter[name] = readNumber(name, text);
  }
  return filter as FlowFilter;
}

/** Throws `OptionError`. */
export function readNumber(name: string, text: string): number {
  if (!/^\d{1,15}(\.\d{1,15})?$/.test(text)) {
    throw new OptionError(`${name} takes a number, not ${JSON.stringify(text.slice(0, 60))}`);
  }
  return Number(text);
}
