// Community ID v1 (github.com/corelight/community-id-spec), the SHA-1 of a flow's tuple with its ends in order: what
// Zeek, Suricata and Wireshark call a flow by. Written from the specification, with nothing of core.

import { createHash } from "node:crypto";
import { addressBytes, word } from "./packets.js";

/** A flow as the baselines in the captures write it; ports are `null` for a protocol that has none, and types for ICMP. */
export interface FlowTuple {
  readonly proto: number;
  readonly saddr: string;
  readonly daddr: string;
  readonly sport: number | null;
  readonly dport: number | null;
}

/** `oneWay`: the flow's two ends may not change places, as with an ICMP message that has no answer. */
export function communityId(flow: FlowTuple, oneWay: boolean, seed: number): string {
  const source = Buffer.from(addressBytes(flow.saddr));
  const destination = Buffer.from(addressBytes(flow.daddr));
  const order = Buffer.compare(source, destination) || (flow.sport ?? 0) - (flow.dport ?? 0);
  const forward = oneWay || order < 0;
  const ends = forward ? [source, destination] : [destination, source];
  const ports = forward ? [flow.sport, flow.dport] : [flow.dport, flow.sport];
  const hash = createHash("sha1").update(Buffer.from(word(seed)));
  hash.update(ends[0]!).update(ends[1]!).update(Buffer.of(flow.proto, 0));
  for (const port of ports) if (port !== null) hash.update(Buffer.from(word(port!)));
  return `1:${hash.digest("base64")}`;
}
