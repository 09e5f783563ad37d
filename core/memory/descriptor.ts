// What the rings between the director and a worker carry.
//
// Director -> worker, one record a packet (8 words, half a cache line). The director has parsed and validated the
// headers, and says where things are, so that no worker parses them again:
//   0  slot          of the packet pool
//   1  lengths       bytes of the IP packet (bits 0-15) · offset of the L4 header in it (bits 16-31)
//   2  kind          protocol (bits 0-7) · IP version 4 or 6 (bits 8-15) · link number (bits 16-23)
//   3  flow          entry in the flow table, or -1 for a packet without one
//   4  generation    of that entry, given back when the flow ends
//   5  hash          of the flow key: keys the worker's own tables
//   6, 7             unused: a record is half a cache line
//
// Worker -> director, the return ring (2 words):
//   a slot on its way back:  slot · RETURN_SLOT
//   a flow that has ended:   entry · its generation (never negative)
// Flows end by message and not by a word in the flow table, so that the table has one writer, the director.

export const DESCRIPTOR_WORDS = 8;
export const DESCRIPTOR_SLOT = 0;
export const DESCRIPTOR_LENGTHS = 1;
export const DESCRIPTOR_KIND = 2;
export const DESCRIPTOR_FLOW = 3;
export const DESCRIPTOR_GENERATION = 4;
export const DESCRIPTOR_HASH = 5;

/** Flow of a packet that has no flow entry. */
export const NO_FLOW = -1;

export const RETURN_WORDS = 2;
export const RETURN_SLOT = -1;
