// What becomes of a packet: every one gets exactly one verdict, and every verdict has a name and a counter.
// The parser's faults come first, under their own numbers, so that a fault is a verdict without translation.

import { PARSE_FAULTS } from "../wire/faults.js";

const DIRECTOR_VERDICTS = [
  /** To the worker that holds its flow. */
  "flow-hit",
  /** First packet of a flow, to the worker of its source. */
  "new-flow",
  /** First packet of a flow whose source was not known: to the worker that the policy chose. */
  "new-source",
  /** SYN while too many flows are half open: to a worker that answers with a SYN cookie, without a flow. */
  "syn-cookie",
  /** Echo request, answered by the director. */
  "echo-answered",
  /** UDP to a port without a service, answered with "port unreachable". */
  "port-unreachable",
  /** Dropped: the destination is none of the farm's addresses. */
  "not-ours",
  /** Dropped: ICMP that is no echo request. */
  "icmp-ignored",
  /** Dropped: an answer by ICMP would exceed its rate. */
  "icmp-limited",
  /** Dropped: a SYN that is to be answered by a cookie, and its worker has enough to do for those that it serves. */
  "syn-limited",
  /** Dropped: RST for a flow that is not known; bytes of a relayed connection that is gone. */
  "stray-reset",
  /** Dropped: the flow table is full and the policy is to refuse. */
  "table-full",
  /** Dropped: no worker is serving. */
  "no-worker",
  /** Dropped: the worker's descriptor ring is full. */
  "ring-full",
] as const;

export const VERDICTS = [...PARSE_FAULTS, ...DIRECTOR_VERDICTS] as const;
export type Verdict = (typeof VERDICTS)[number];

const FIRST = PARSE_FAULTS.length;
export const VERDICT_FLOW_HIT = FIRST;
export const VERDICT_NEW_FLOW = FIRST + 1;
export const VERDICT_NEW_SOURCE = FIRST + 2;
export const VERDICT_SYN_COOKIE = FIRST + 3;
export const VERDICT_ECHO_ANSWERED = FIRST + 4;
export const VERDICT_PORT_UNREACHABLE = FIRST + 5;
export const VERDICT_NOT_OURS = FIRST + 6;
export const VERDICT_ICMP_IGNORED = FIRST + 7;
export const VERDICT_ICMP_LIMITED = FIRST + 8;
export const VERDICT_SYN_LIMITED = FIRST + 9;
export const VERDICT_STRAY_RESET = FIRST + 10;
export const VERDICT_TABLE_FULL = FIRST + 11;
export const VERDICT_NO_WORKER = FIRST + 12;
export const VERDICT_RING_FULL = FIRST + 13;

/** No verdict: an event that carries nothing of a client. */
export const UNCOUNTED = -1;

/** Whether the packet was handed to a worker, which now has its slot. */
export function isForwarded(verdict: number): boolean {
  return verdict >= VERDICT_FLOW_HIT && verdict <= VERDICT_SYN_COOKIE;
}
