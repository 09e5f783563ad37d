// Counters of the flow table: how many flows and sources began, and how they ended. The block is a `Counters`, so that
// any thread can read it; the flow table, on the main thread, is its one writer.

/** Names of the table's counters; flows and sources that began, and how each of them ended. */
export const FLOW_COUNTERS = [
  "flows_started",
  "flows_ended", // told by the worker, or by a SYN that begins a new flow in the place of a closing one
  "flows_aged",
  "flows_evicted_opening",
  "flows_evicted_closing",
  "flows_evicted_idle",
  "flows_removed", // with their worker, or by an operator
  "sources_started",
  "sources_aged",
  "sources_evicted_idle",
  "sources_evicted_with_flows",
  "sources_removed",
  "sources_unproven", // given up: no connection came of what began them, so that the address may be forged
  "flows_refused",
  "sources_refused",
  "ends_stale", // reports of a flow's end that came when the flow had ended already
] as const;

export type FlowCounterName = (typeof FLOW_COUNTERS)[number];

export const FLOWS_STARTED = FLOW_COUNTERS.indexOf("flows_started");
export const FLOWS_ENDED = FLOW_COUNTERS.indexOf("flows_ended");
export const FLOWS_AGED = FLOW_COUNTERS.indexOf("flows_aged");
export const FLOWS_EVICTED_OPENING = FLOW_COUNTERS.indexOf("flows_evicted_opening");
export const FLOWS_EVICTED_CLOSING = FLOW_COUNTERS.indexOf("flows_evicted_closing");
export const FLOWS_EVICTED_IDLE = FLOW_COUNTERS.indexOf("flows_evicted_idle");
export const FLOWS_REMOVED = FLOW_COUNTERS.indexOf("flows_removed");
export const SOURCES_STARTED = FLOW_COUNTERS.indexOf("sources_started");
export const SOURCES_AGED = FLOW_COUNTERS.indexOf("sources_aged");
export const SOURCES_EVICTED_IDLE = FLOW_COUNTERS.indexOf("sources_evicted_idle");
export const SOURCES_EVICTED_WITH_FLOWS = FLOW_COUNTERS.indexOf("sources_evicted_with_flows");
export const SOURCES_REMOVED = FLOW_COUNTERS.indexOf("sources_removed");
export const SOURCES_UNPROVEN = FLOW_COUNTERS.indexOf("sources_unproven");
export const FLOWS_REFUSED = FLOW_COUNTERS.indexOf("flows_refused");
export const SOURCES_REFUSED = FLOW_COUNTERS.indexOf("sources_refused");
export const ENDS_STALE = FLOW_COUNTERS.indexOf("ends_stale");
