// The few packets that the director answers itself, on the main thread: echo requests, and UDP to a port that has no
// service. Limited in rate together, so that nobody can use the farm to send more than a trickle (RFC 1812 section 4.3.2.8).

import type { PacketLink } from "../link/link.js";
import type { PacketPool } from "../memory/packet-pool.js";
import {
  fragmentDataBytes,
  fragmentHeadersBytes,
  isCuttable,
  turnIntoFragment,
} from "../wire/fragmentation.js";
import { emitUnreachable, MAX_ICMPV6_ERROR_BYTES, turnEchoIntoReply } from "../wire/icmp.js";
import { isNeighbourMessage } from "../wire/icmp-types.js";
import { IPV6_MIN_MTU_BYTES } from "../wire/ipv6.js";
import type { PacketView } from "../wire/packet-view.js";
import {
  VERDICT_ECHO_ANSWERED,
  VERDICT_ICMP_IGNORED,
  VERDICT_ICMP_LIMITED,
  VERDICT_NEIGHBOUR_MESSAGE,
  VERDICT_PORT_UNREACHABLE,
} from "./verdict.js";

/** Answers in a second, and at once after a quiet one. */
const ANSWERS_PER_SECOND = 1000;

export class IcmpResponder {
  readonly #output = new Uint8Array(MAX_ICMPV6_ERROR_BYTES);
  #second = 0;
  #answers = 0;

  /** Answers an ICMP packet in its own slot, at tick `tick` (ms, 32 bits). Returns the verdict. */
  answer(pool: PacketPool, view: PacketView, link: PacketLink, tick: number): number {
    // Turned first, so that what nobody would answer is not said to exceed the rate.
    if (!turnEchoIntoReply(pool.bytes, view)) {
      return isNeighbourMessage(view) ? VERDICT_NEIGHBOUR_MESSAGE : VERDICT_ICMP_IGNORED;
    }
    if (this.#limited(tick)) return VERDICT_ICMP_LIMITED;
    const { mtuBytes } = link.egressPlan;
    // What came in fragments may have had a narrow path: routers may cut the reply (IPv4), or do not have to (IPv6). Only TCP's
    // segments are in large slots for another reason.
    const isLarge = pool.isInLargeSlot(view.offset);
    const isIpv4 = view.ipVersion === 4;
    const mostBytes = isLarge && !isIpv4 ? Math.min(mtuBytes, IPV6_MIN_MTU_BYTES) : mtuBytes;
    if ((isLarge && isIpv4) || view.totalLength > mostBytes)
      return this.#answerInFragments(pool, view, link, mostBytes);
    this.#answers++;
    link.transmit(pool.bytes, view.offset, view.totalLength);
    return VERDICT_ECHO_ANSWERED;
  }

  /**
   * In fragments of at most `mtuBytes`, or as one that may be cut further, under the request's own identification: its sender has seen
   * to it that it is unique.
   */
  #answerInFragments(pool: PacketPool, view: PacketView, link: PacketLink, mtuBytes: number): number {
    if (!isCuttable(view)) return VERDICT_ICMP_IGNORED;
    const headersBytes = fragmentHeadersBytes(view.ipVersion);
    const stepBytes = fragmentDataBytes(view.ipVersion, mtuBytes);
    for (let start = 0; start < view.l4Length; start += stepBytes) {
      const length = Math.min(stepBytes, view.l4Length - start);
      turnIntoFragment(pool.bytes, view, start, length, stepBytes);
      this.#answers++;
      link.transmit(pool.bytes, view.l4Offset + start - headersBytes, headersBytes + length);
    }
    return VERDICT_ECHO_ANSWERED;
  }

  /** Tells the sender of a datagram that no one listens there. Returns the verdict. */
  portUnreachable(pool: PacketPool, view: PacketView, link: PacketLink, tick: number): number {
    if (this.#limited(tick)) return VERDICT_ICMP_LIMITED;
    const length = emitUnreachable(pool.bytes, view, this.#output, 0);
    if (length > 0) {
      this.#answers++;
      link.transmit(this.#output, 0, length);
    }
    return VERDICT_PORT_UNREACHABLE;
  }

  #limited(tick: number): boolean {
    const second = Math.floor(tick / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#answers = 0;
    }
    return this.#answers >= ANSWERS_PER_SECOND;
  }
}
