// What the rings between the director and a worker carry.
//
// Director -> worker, one record (8 words, half a cache line) a packet, or an event of a relayed connection. The director
// has parsed and validated the headers, and says where things are, so that no worker parses them again:
//   0  slot          of the packet pool; -1 for an event without bytes
//   1  lengths       bytes of the IP packet (bits 0-15) · offset of the L4 header in it (bits 16-31)
//                    of an event: bytes in the slot, or the credit
//   2  kind          protocol (bits 0-7) · IP version 4 or 6 (bits 8-15) · link number (bits 16-23) · event (bits 24-31)
//                    of an ICMP error: protocol of the packet that it is about
//   3  flow          entry in the flow table, or -1 for a packet without one: a SYN that is to be answered by a SYN cookie, as
//                    there are too many flows that nobody has proven; of an event: the connection's number
//   4  generation    of that entry, given back when the flow ends
//   5  hash          of the flow key: keys the worker's own tables
//   6  inner         of an ICMP error: offset in the packet of the L4 header of the packet that it is about, at least 8 bytes of it
//   7                unused: a record is half a cache line
//
// EVENT_PACKET is a packet of the flow; EVENT_ICMP_ERROR one about a packet that we sent in it, by which it was found.
//
// Events of relayed connections (the socket link: the kernel ends TCP, the main thread passes bytes on) go both ways, to the
// worker in descriptors, from it in the transmit ring:
//                    to the worker                                from the worker
//   EVENT_OPEN       accepted; the slot has the peer block        -
//   EVENT_DATA       bytes that the client sent                   bytes for the client
//   EVENT_END        the client has ended its side                no more will be sent
//   EVENT_RESET      the connection is no more; value 1: reset    to be ended at once
//   EVENT_CREDIT     that many bytes have been written            that many bytes have been consumed
//   EVENT_DATAGRAM   a peer block, and a payload behind it        the same, as it came, and the answer behind it
// Neither side sends more than RELAY_WINDOW_BYTES of EVENT_DATA on a connection that the other has not given credit for.
// Peer blocks are laid out in wire/peer-block.ts.
//
// Worker -> director, the return ring (2 words):
//   a slot on its way back:  slot · RETURN_SLOT
//   a flow that has ended:   entry · its generation (never negative); RETURN_NO_CONNECTION in the entry if none came of it
// Flows end by message and not by a word in the flow table, so that the table has one writer, the director.

export const DESCRIPTOR_WORDS = 8;
export const DESCRIPTOR_SLOT = 0;
export const DESCRIPTOR_LENGTHS = 1;
export const DESCRIPTOR_KIND = 2;
export const DESCRIPTOR_FLOW = 3;
export const DESCRIPTOR_GENERATION = 4;
export const DESCRIPTOR_HASH = 5;
export const DESCRIPTOR_INNER = 6;

export const DESCRIPTOR_CONNECTION = DESCRIPTOR_FLOW;

export const EVENT_PACKET = 0;
export const EVENT_OPEN = 1;
export const EVENT_DATA = 2;
export const EVENT_END = 3;
export const EVENT_RESET = 4;
export const EVENT_CREDIT = 5;
export const EVENT_DATAGRAM = 6;
export const EVENT_ICMP_ERROR = 7;

/** Bytes on their way in one direction of a relayed connection, beyond which the sender waits for credit. */
export const RELAY_WINDOW_BYTES = 256 * 1024;
/** Credit is given in pieces of at least this many bytes: an answer that is smaller costs none. */
export const RELAY_CREDIT_BYTES = RELAY_WINDOW_BYTES / 4;

/** Most bytes in one EVENT_DATA from the worker. */
export const RELAY_RECORD_BYTES = 64 * 1024;

/** Slot of an event without bytes. */
export const NO_SLOT = -1;

/** Flow of a packet that has no flow entry. */
export const NO_FLOW = -1;

export const RETURN_WORDS = 2;
export const RETURN_SLOT = -1;
/** A bit beyond every entry's. */
export const RETURN_NO_CONNECTION = 1 << 30;
