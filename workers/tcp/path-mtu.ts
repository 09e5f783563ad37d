// How large a connection's packets may be on their whole path (RFC 1191, RFC 8201): what the network tells, what it told of
// earlier connections to the same address, and what has to be guessed where full segments vanish without a word (RFC 2923
// section 2.1, after RFC 4821 section 7.7). What the network tells holds for the connection; a larger path is found by later ones, once
// what was learned is forgotten. A guess is taken back after a while, and stays as long as it proves right.

import { nextHopMtu, packetInErrorBytes } from "../../core/wire/icmp-error.js";
import { IPV6_MIN_MTU_BYTES } from "../../core/wire/ipv6.js";
import { NEVER, resendableBytes, SYN_RECEIVED, type TcpConnection } from "./connection.js";
import type { TcpContext } from "./context.js";
import { dataHeaderBytes } from "./emit.js";
import type { FourTuple } from "./four-tuple.js";
import { resendOutstanding } from "./loss-recovery.js";
import { guessAgain } from "./path-guess.js";

/** Linux's floor for IPv4 (the RFC's, 68, would let anyone make us send headers only): 552 bytes carry 512 of data. */
const MIN_MTU_IPV4 = 552;
/** Sizes that paths have, for routers that do not tell theirs (RFC 1191 section 7, without what no link of ours exceeds). */
const PLATEAUS = [1492, 1006, MIN_MTU_IPV4] as const;
/** Timeouts in a row without an answer after which a full segment's size is suspected; each so many, once more. */
const BLACK_HOLE_TIMEOUTS = 3;
/** What is tried then: next to every path takes the first of IPv4's (RFC 4821 section 7.2). */
const GUESSES = { 4: [1024, MIN_MTU_IPV4], 6: [IPV6_MIN_MTU_BYTES] } as const;
/** Largest segment data on the path, as far as is known: without options. */
export function pathMss(context: TcpContext, tuple: FourTuple): number {
  const writer = context.writers[tuple.link]!;
  const { ipVersion, remote0, remote1, remote2, remote3 } = tuple;
  const known = context.pathMtus.lookup(ipVersion, remote0, remote1, remote2, remote3, context.nowMs);
  return Math.min(writer.egress.mtuBytes, known) - writer.headerBytes(tuple);
}

/** The error at `icmpOffset`, about a segment that is under way, says that it was too big for the path. */
export function packetTooBig(
  context: TcpContext,
  connection: TcpConnection,
  bytes: Uint8Array,
  icmpOffset: number,
): void {
  const { counters, nowMs } = context;
  const { ipVersion, remote0, remote1, remote2, remote3 } = connection.tuple;
  const packetBytes = packetInErrorBytes(bytes, icmpOffset, ipVersion);
  const mtuBytes = credibleMtu(
    ipVersion,
    nextHopMtu(bytes, icmpOffset, ipVersion),
    Math.min(packetBytes, currentMtu(context, connection)),
  );
  // No path is too narrow for a SYN-ACK.
  if (connection.state === SYN_RECEIVED || !lowerMss(context, connection, mtuBytes)) {
    counters.icmpIgnored++;
    return;
  }
  counters.pathMtuLowered++;
  context.pathMtus.remember(ipVersion, remote0, remote1, remote2, remote3, mtuBytes, nowMs);
  // All that is outstanding had the old size, and none of it can arrive. That is no sign of congestion: the window is what
  // it was, but opened anew, since nobody knows this path (RFC 1191 section 6.4). Later errors about the same segments
  // tell nothing smaller, and so it happens once.
  connection.pathGuess = null;
  connection.congestion.pathChanged(connection.mss);
  connection.retransmitAtMs = NEVER;
  resendOutstanding(context, connection);
  context.owner.mark(connection);
}

/** A retransmission timeout: should full segments have vanished time and again, smaller ones may pass. */
export function suspectBlackHole(context: TcpContext, connection: TcpConnection): void {
  if (connection.unanswered % BLACK_HOLE_TIMEOUTS !== 0) return;
  const outstanding = resendableBytes(connection, connection.sndUna, connection.sndNxt);
  for (const mtuBytes of connection.tuple.ipVersion === 4 ? GUESSES[4] : GUESSES[6]) {
    // Where no segment is larger than that (the peer's window may be small), it is not the size.
    if (outstanding <= mssFor(context, connection, mtuBytes)) continue;
    const { mss } = connection;
    // A guess, and not remembered for others: the peer may have been away for quite another reason.
    if (!lowerMss(context, connection, mtuBytes)) continue;
    context.counters.pathMtuBlackHoles++;
    connection.pathGuess = guessAgain(connection.pathGuess, mss, context.nowMs);
    return;
  }
}

/** The MTU to go by when the router says `told` of a packet of `packetBytes`; 0 if that cannot be. */
function credibleMtu(ipVersion: number, told: number, packetBytes: number): number {
  // RFC 5927 section 7: a router that could have passed it on would have.
  if (told >= packetBytes) return 0;
  if (ipVersion === 6) return told < IPV6_MIN_MTU_BYTES ? 0 : told; // RFC 8201 section 4: not believed.
  if (told > 0) return Math.max(told, MIN_MTU_IPV4);
  for (const plateau of PLATEAUS) if (plateau < packetBytes) return plateau;
  return 0;
}

function mssFor(context: TcpContext, connection: TcpConnection, mtuBytes: number): number {
  return mtuBytes - dataHeaderBytes(context, connection);
}

/** Bytes of a packet with a full segment. */
function currentMtu(context: TcpContext, connection: TcpConnection): number {
  return connection.mss + dataHeaderBytes(context, connection);
}

/** False, and nothing changes, if segments are not larger than that anyway, or `mtuBytes` is 0. */
function lowerMss(context: TcpContext, connection: TcpConnection, mtuBytes: number): boolean {
  const mss = mssFor(context, connection, mtuBytes);
  if (mtuBytes === 0 || mss >= connection.mss) return false;
  connection.mss = mss;
  return true;
}
