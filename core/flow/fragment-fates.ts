// What becomes of fragments, each of which has one fate, and of the packets that came in them.

/** What becomes of a fragment that does not make its packet whole. */
export const FRAGMENT_FATES = [
  /** Kept until its packet is whole. */
  "fragment-kept",
  /** Dropped: the same again. */
  "fragment-duplicate",
  /** Dropped with all of its packet: it overlaps another, or they do not agree where the packet ends. */
  "fragment-overlap",
  /** Dropped: a first fragment without the whole header of the upper layer (RFC 7112, RFC 1858). */
  "fragment-tiny",
  /** Dropped with all of its packet: the whole would be longer than a large slot. */
  "fragment-oversize",
  /** Dropped with all of its packet: too many fragments. */
  "fragment-excess",
  /** Dropped: its packet has been given up. */
  "fragment-abandoned",
  /** Dropped: no large slot is free. */
  "fragment-no-slot",
] as const;

export type FragmentFate = (typeof FRAGMENT_FATES)[number];

const fateOf = (fate: FragmentFate) => FRAGMENT_FATES.indexOf(fate);
export const FRAGMENT_KEPT = fateOf("fragment-kept");
export const FRAGMENT_DUPLICATE = fateOf("fragment-duplicate");
export const FRAGMENT_OVERLAP = fateOf("fragment-overlap");
export const FRAGMENT_TINY = fateOf("fragment-tiny");
export const FRAGMENT_OVERSIZE = fateOf("fragment-oversize");
export const FRAGMENT_EXCESS = fateOf("fragment-excess");
export const FRAGMENT_ABANDONED = fateOf("fragment-abandoned");
export const FRAGMENT_NO_SLOT = fateOf("fragment-no-slot");
/** Not a fate: the packet is whole, in `slot`. */
export const FRAGMENT_WHOLE = -1;

/** What became of packets that came in fragments. */
export const REASSEMBLY_COUNTERS = [
  "packets_reassembled",
  "packets_abandoned", // for what their fragments were
  "packets_expired", // for what was missing
  "packets_evicted", // for newer ones
] as const;

export type ReassemblyCounterName = (typeof REASSEMBLY_COUNTERS)[number];

export const PACKETS_REASSEMBLED = REASSEMBLY_COUNTERS.indexOf("packets_reassembled");
export const PACKETS_ABANDONED = REASSEMBLY_COUNTERS.indexOf("packets_abandoned");
export const PACKETS_EXPIRED = REASSEMBLY_COUNTERS.indexOf("packets_expired");
export const PACKETS_EVICTED = REASSEMBLY_COUNTERS.indexOf("packets_evicted");
