// What becomes of a packet: every one gets exactly one verdict, and every verdict has a name and a counter.
// The parser's faults come first, under their own numbers, so that a fault is a verdict without translation. A packet that came
// in fragments has the verdict of the last that came; the others have those of fragments.

import { FRAGMENT_FATES } from "../flow/fragment-fates.js";
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
  /** ICMP error, to the worker that holds the flow it is about. */
  "icmp-error",
  /** Echo request, answered by the director. */
  "echo-answered",
  /** UDP to a port without a service, answered with "port unreachable". */
  "port-unreachable",
  /** Dropped: the destination is none of the farm's addresses. */
  "not-ours",
  /** Dropped: what IPv6 hosts say to the others of their link, where a TUN device has none. */
  "neighbour-message",
  /** Dropped: an ICMP error about no flow that is known. */
  "icmp-unknown-flow",
  /** Dropped: other ICMP than echo requests, and those whose reply cannot be cut as it must be. */
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
  /** Dropped: the worker's descriptor ring is full, or it holds its share of the large slots. */
  "ring-full",
] as const;

export const VERDICTS = [...PARSE_FAULTS, ...FRAGMENT_FATES, ...DIRECTOR_VERDICTS] as const;
export type Verdict = (typeof VERDICTS)[number];

/** The verdict of a fragment's first fate; the others follow. */
export const VERDICT_FRAGMENT_FATE: number = PARSE_FAULTS.length;
const numberOf = (verdict: Verdict) => VERDICTS.indexOf(verdict);
export const VERDICT_FLOW_HIT = numberOf("flow-hit");
export const VERDICT_NEW_FLOW = numberOf("new-flow");
export const VERDICT_NEW_SOURCE = numberOf("new-source");
export const VERDICT_SYN_COOKIE = numberOf("syn-cookie");
export const VERDICT_ICMP_ERROR = numberOf("icmp-error");
export const VERDICT_ECHO_ANSWERED = numberOf("echo-answered");
export const VERDICT_PORT_UNREACHABLE = numberOf("port-unreachable");
export const VERDICT_NOT_OURS = numberOf("not-ours");
export const VERDICT_NEIGHBOUR_MESSAGE = numberOf("neighbour-message");
export const VERDICT_ICMP_UNKNOWN_FLOW = numberOf("icmp-unknown-flow");
export const VERDICT_ICMP_IGNORED = numberOf("icmp-ignored");
export const VERDICT_ICMP_LIMITED = numberOf("icmp-limited");
export const VERDICT_SYN_LIMITED = numberOf("syn-limited");
export const VERDICT_STRAY_RESET = numberOf("stray-reset");
export const VERDICT_TABLE_FULL = numberOf("table-full");
export const VERDICT_NO_WORKER = numberOf("no-worker");
export const VERDICT_RING_FULL = numberOf("ring-full");

/** No verdict: an event that carries nothing of a client. */
export const UNCOUNTED = -1;

/** Whether the packet was handed to a worker, which now has its slot. */
export function isForwarded(verdict: number): boolean {
  return verdict >= VERDICT_FLOW_HIT && verdict <= VERDICT_ICMP_ERROR;
}
