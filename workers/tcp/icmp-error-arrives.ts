// What an ICMP error does to a connection (RFC 9293 section 3.9.2.2, RFC 1122 section 4.2.3.9), after RFC 5927: anybody can send
// one, so it counts only if it is about a segment that is under way, and none of them ends a connection that is established.

import { ICMP_MEANS_HARD_ERROR, ICMP_MEANS_TOO_BIG, meaningOfIcmp } from "../../core/wire/icmp-error.js";
import { before } from "../../core/wire/sequence.js";
import { TCP_SEQUENCE_OFFSET } from "../../core/wire/tcp.js";
import { readWord } from "../../core/wire/word.js";
import { SYN_RECEIVED, type TcpConnection } from "./connection.js";
import type { TcpContext } from "./context.js";
import { terminate } from "./lifetime.js";
import { packetTooBig } from "./path-mtu.js";

/** The error at `icmpOffset` is about a packet of the connection, whose TCP header is at `innerL4Offset`. */
export function icmpErrorArrived(
  context: TcpContext,
  connection: TcpConnection,
  bytes: Uint8Array,
  icmpOffset: number,
  innerL4Offset: number,
): void {
  const { counters } = context;
  // RFC 5927 section 4.1: SND.UNA =< SEG.SEQ < SND.NXT
  const sequence = readWord(bytes, innerL4Offset + TCP_SEQUENCE_OFFSET);
  if (before(sequence, connection.sndUna) || !before(sequence, connection.sndNxt)) {
    counters.icmpOutOfWindow++;
    return;
  }
  const { ipVersion } = connection.tuple;
  const meaning = meaningOfIcmp(ipVersion, bytes[icmpOffset]!, bytes[icmpOffset + 1]!);
  if (meaning === ICMP_MEANS_TOO_BIG) {
    counters.icmpTooBig++;
    packetTooBig(context, connection, bytes, icmpOffset);
  } else if (meaning === ICMP_MEANS_HARD_ERROR && connection.state === SYN_RECEIVED) {
    counters.icmpHardErrors++;
    terminate(context, connection, "unreachable");
  } else {
    if (meaning === ICMP_MEANS_HARD_ERROR) counters.icmpHardErrors++;
    else counters.icmpSoftErrors++;
    // Known when it is given up; forgotten when the peer answers.
    connection.isUnreachable = 1;
  }
}
