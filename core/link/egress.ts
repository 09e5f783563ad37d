// The transmit half of a link, as workers use it: one packet at a time, written into the egress's own buffer and sent
// in place. Buffers are private to a thread, because writing into shared memory costs several times as much.

import type { FaultPlan } from "./fault-plan.js";

/** How a worker is to transmit on a link: plain data that can be sent to a thread. */
export type EgressPlan =
  | {
      readonly kind: "tun";
      readonly fileDescriptor: number;
      readonly mtuBytes: number;
      /** What is to happen to the worker's packets on purpose. */
      readonly faults?: FaultPlan;
    }
  | { readonly kind: "ring"; readonly mtuBytes: number }
  /** No packets: events of relayed connections, through the transmit ring. */
  | { readonly kind: "relay" };

/** The plans of links that carry packets. */
export type PacketEgressPlan = Exclude<EgressPlan, { readonly kind: "relay" }>;

export interface Egress {
  /** Largest IP packet that leaves in one piece, in bytes: the path's first MTU. */
  readonly mtuBytes: number;
  /** Largest IP packet that `transmit` takes when it is to be cut into segments by the device; equals `mtuBytes` where it can't. */
  readonly maxPacketBytes: number;
  /**
   * True: the TCP or UDP checksum field holds only the folded, uncomplemented sum of the pseudo-header, and the device
   * does the rest. False: the field is complete.
   */
  readonly checksumOffload: boolean;
  /** Where the packet is written. */
  readonly buffer: Uint8Array;
  /** Index in `buffer` of the packet's first byte; a multiple of 4. */
  readonly start: number;

  /**
   * Sends the packet of `length` bytes at `buffer[start]`.
   * `l4Offset` is the offset of its TCP, UDP or ICMP header; `checksumOffset` that of the checksum field within it
   * (-1 where the packet is complete although `checksumOffload` is true); `segmentBytes` is the TCP payload of each
   * segment that the device shall cut it into, or 0 to send it as it is.
   * Returns false if the packet was dropped for want of room; TCP will send it again.
   */
  transmit(length: number, l4Offset: number, checksumOffset: number, segmentBytes: number): boolean;
}
