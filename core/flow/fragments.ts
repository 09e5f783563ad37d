// Reassembly of packets that came in fragments (RFC 791 section 3.2, RFC 8200 section 4.5), each in a large slot of the packet
// pool, where the whole is a packet like any other. Must not know what is done with it. Allocates nothing.
//
// What always holds: bounded in packets, bytes, fragments a packet, and time, and no source has more than its share; a byte is
// written once, since fragments that overlap, or do not agree where the packet ends, give up all of it (RFC 5722), and what of
// it comes later is refused. Room is made by giving up the oldest packet: whole ones are together within moments, and
// those who only send beginnings keep nobody out.

import { Counters } from "../memory/counters.js";
import { NO_SLOT } from "../memory/descriptor.js";
import type { FreeSlots, PacketPool } from "../memory/packet-pool.js";
import { DEFAULT_TTL, emitIpv4Header, IPV4_HEADER_BYTES } from "../wire/ipv4.js";
import { DEFAULT_HOP_LIMIT, emitIpv6Header, IPV6_HEADER_BYTES } from "../wire/ipv6.js";
import { hasWholeUpperHeader } from "../wire/packet.js";
import type { PacketView } from "../wire/packet-view.js";
import {
  FRAGMENT_ABANDONED,
  FRAGMENT_DUPLICATE,
  FRAGMENT_EXCESS,
  FRAGMENT_KEPT,
  FRAGMENT_NO_SLOT,
  FRAGMENT_OVERLAP,
  FRAGMENT_OVERSIZE,
  FRAGMENT_TINY,
  FRAGMENT_WHOLE,
  PACKETS_ABANDONED,
  PACKETS_EVICTED,
  PACKETS_EXPIRED,
  PACKETS_REASSEMBLED,
  REASSEMBLY_COUNTERS,
  type ReassemblyCounterName,
} from "./fragment-fates.js";

/** How long a packet's fragments are waited for: Linux's time; RFC 8200 has 60 s. */
export const REASSEMBLY_TIMEOUT_MS = 30_000;
/** How often it is looked for those whose time is over. */
const SWEEP_INTERVAL_MS = 1000;
/** Fragments of a packet: the longest that a large slot takes has 54 at IPv6's least MTU, 119 at IPv4's usual least. */
export const MAX_FRAGMENTS = 128;
/** One source (IPv6: a /64) has at most one place in so many, and at least so many. */
const SHARE_OF_PLACES = 16;
const LEAST_SHARE = 4;

// States of a place.
const FREE = 0;
const GATHERING = 1;
/** Its packet has been given up: no slot any more, but the key, so that what is left of the packet is refused. */
const REFUSING = 2;

/** Source and destination, 4 words each; IP version, and for IPv4 the protocol. The identification has an array of its own. */
const KEY_WORDS = 9;

export class Fragments {
  readonly counters = new Counters<ReassemblyCounterName>(REASSEMBLY_COUNTERS);
  /** The slot and length of the packet that `add` has just found whole: the caller's from then on. */
  slot = NO_SLOT;
  length = 0;
  readonly #pool: PacketPool;
  readonly #freeSlots: FreeSlots;
  readonly #share: number;
  // By place.
  readonly #states: Uint8Array;
  readonly #identifications: Int32Array;
  readonly #keys: Int32Array;
  readonly #startTicks: Int32Array;
  readonly #slots: Int32Array;
  /** Bytes of data: of the whole (-1: the last fragment has not come), those that are there, the furthest of them. */
  readonly #totals: Int32Array;
  readonly #gathered: Int32Array;
  readonly #furthest: Int32Array;
  /** What the data begin with, as the first fragment says. */
  readonly #protocols: Uint8Array;
  readonly #counts: Uint8Array;
  /** Where each fragment begins and ends; MAX_FRAGMENTS a place. */
  readonly #starts: Uint16Array;
  readonly #ends: Uint16Array;
  readonly #key = new Int32Array(KEY_WORDS);
  #pending = 0;
  #sweptTick = 0;

  /**
   * Gathers at most `places` packets at once. Takes large slots from `freeSlots`, and gives back those whose packets are given up.
   */
  constructor(pool: PacketPool, freeSlots: FreeSlots, places: number) {
    this.#pool = pool;
    this.#freeSlots = freeSlots;
    this.#share = Math.max(LEAST_SHARE, Math.floor(places / SHARE_OF_PLACES));
    this.#states = new Uint8Array(places);
    this.#identifications = new Int32Array(places);
    this.#keys = new Int32Array(places * KEY_WORDS);
    this.#startTicks = new Int32Array(places);
    this.#slots = new Int32Array(places);
    this.#totals = new Int32Array(places);
    this.#gathered = new Int32Array(places);
    this.#furthest = new Int32Array(places);
    this.#protocols = new Uint8Array(places);
    this.#counts = new Uint8Array(places);
    this.#starts = new Uint16Array(places * MAX_FRAGMENTS);
    this.#ends = new Uint16Array(places * MAX_FRAGMENTS);
  }

  /** Places in use. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * Takes in the fragment in `view`, which lies in the pool, at tick `tick` (ms, 32 bits); it is copied, and its slot the caller's
   * still. Returns the number of its fate in FRAGMENT_FATES, or FRAGMENT_WHOLE.
   */
  add(view: PacketView, tick: number): number {
    if (view.fragmentOffset === 0 && !hasWholeUpperHeader(this.#pool.bytes, view)) return FRAGMENT_TINY;
    this.#writeKey(view);
    let place = this.#find(view.identification);
    if (place < 0) place = this.#begin(view.identification, tick);
    if (place < 0) return FRAGMENT_NO_SLOT;
    if (this.#states[place] === REFUSING) return FRAGMENT_ABANDONED;
    const fate = this.#take(place, view);
    if (fate === FRAGMENT_OVERLAP || fate === FRAGMENT_OVERSIZE || fate === FRAGMENT_EXCESS) {
      this.#freeSlots.release(this.#slots[place]!);
      this.#states[place] = REFUSING;
      this.counters.add(PACKETS_ABANDONED);
    }
    if (fate !== FRAGMENT_KEPT || this.#gathered[place] !== this.#totals[place]) return fate;
    this.#finish(place, view);
    return FRAGMENT_WHOLE;
  }

  /** Gives up the packets whose time is over. To be called often; looks about once a second. */
  expire(tick: number): void {
    if (this.#pending === 0 || ((tick - this.#sweptTick) | 0) < SWEEP_INTERVAL_MS) return;
    this.#sweptTick = tick;
    for (let place = 0; place < this.#states.length; place++) {
      if (this.#states[place] === FREE) continue;
      if (((tick - this.#startTicks[place]!) | 0) >= REASSEMBLY_TIMEOUT_MS)
        this.#giveUp(place, PACKETS_EXPIRED);
    }
  }

  /** RFC 791: source, destination, protocol, identification; RFC 8200 has no protocol in it. */
  #writeKey(view: PacketView): void {
    const { words } = this.#pool;
    const key = this.#key;
    const addressWords = view.addressLength >>> 2;
    for (let i = 0; i < 4; i++) {
      key[i] = i < addressWords ? words[(view.sourceOffset >>> 2) + i]! : 0;
      key[4 + i] = i < addressWords ? words[(view.destinationOffset >>> 2) + i]! : 0;
    }
    key[8] = (view.ipVersion << 8) | (view.ipVersion === 4 ? view.fragmentProtocol : 0);
  }

  #find(identification: number): number {
    for (let place = 0; place < this.#states.length; place++) {
      if (this.#identifications[place] !== identification || this.#states[place] === FREE) continue;
      if (this.#hasSameKey(place, KEY_WORDS)) return place;
    }
    return -1;
  }

  /** Whether the first `count` words of the key at the place are those of the fragment in hand. */
  #hasSameKey(place: number, count: number): boolean {
    const at = place * KEY_WORDS;
    for (let i = 0; i < count; i++) if (this.#keys[at + i] !== this.#key[i]) return false;
    return true;
  }

  /** Begins a packet. -1 if there is no large slot for it. */
  #begin(identification: number, tick: number): number {
    const place = this.#claimPlace(tick);
    const slot = this.#freeSlots.acquireLarge();
    if (slot < 0) return -1;
    this.#states[place] = GATHERING;
    this.#pending++;
    this.#identifications[place] = identification;
    this.#keys.set(this.#key, place * KEY_WORDS);
    this.#startTicks[place] = tick;
    this.#slots[place] = slot;
    this.#totals[place] = -1;
    this.#gathered[place] = 0;
    this.#furthest[place] = 0;
    this.#counts[place] = 0;
    return place;
  }

  /** A free place: the source's oldest packet goes if it has its share, the oldest of all if there is no other. */
  #claimPlace(tick: number): number {
    const isIpv4 = this.#key[8]! >>> 8 === 4;
    let free = -1;
    let oldest = -1;
    let oldestOfSource = -1;
    let ofSource = 0;
    for (let place = 0; place < this.#states.length; place++) {
      if (this.#states[place] === FREE) {
        free = place;
        continue;
      }
      if (this.#isOlder(place, oldest, tick)) oldest = place;
      // Of IPv6, the first 64 bits make a source; of both, the version is in the key's last word.
      if ((this.#keys[place * KEY_WORDS + 8]! >>> 8 === 4) !== isIpv4) continue;
      if (!this.#hasSameKey(place, isIpv4 ? 1 : 2)) continue;
      ofSource++;
      if (this.#isOlder(place, oldestOfSource, tick)) oldestOfSource = place;
    }
    if (ofSource < this.#share && free >= 0) return free;
    const victim = ofSource < this.#share ? oldest : oldestOfSource;
    this.#giveUp(victim, PACKETS_EVICTED);
    return victim;
  }

  #isOlder(place: number, than: number, tick: number): boolean {
    return than < 0 || ((tick - this.#startTicks[place]!) | 0) > ((tick - this.#startTicks[than]!) | 0);
  }

  /** Frees the place; counts the packet as `counter` says, unless it has been given up before. */
  #giveUp(place: number, counter: number): void {
    if (this.#states[place] === GATHERING) {
      this.#freeSlots.release(this.#slots[place]!);
      this.counters.add(counter);
    }
    this.#states[place] = FREE;
    this.#pending--;
  }

  /** Copies the fragment to where it belongs, if it fits in with the others. */
  #take(place: number, view: PacketView): number {
    const { bytes } = this.#pool;
    const from = view.fragmentDataOffset;
    const start = view.fragmentOffset;
    const end = start + view.offset + view.totalLength - from;
    if (dataOffset(view) + end > this.#pool.maxLargePacketBytes) return FRAGMENT_OVERSIZE;
    const at = this.#pool.packetOffset(this.#slots[place]!) + dataOffset(view);
    const first = place * MAX_FRAGMENTS;
    const count = this.#counts[place]!;
    if (!this.#agreesOnEnd(place, end, view.moreFragments)) return FRAGMENT_OVERLAP;
    for (let i = first; i < first + count; i++) {
      if (start >= this.#ends[i]! || end <= this.#starts[i]!) continue;
      const isSame = start === this.#starts[i] && end === this.#ends[i];
      return isSame && isEqual(bytes, from, at + start, end - start) ? FRAGMENT_DUPLICATE : FRAGMENT_OVERLAP;
    }
    if (count === MAX_FRAGMENTS) return FRAGMENT_EXCESS;
    this.#starts[first + count] = start;
    this.#ends[first + count] = end;
    this.#counts[place] = count + 1;
    bytes.copyWithin(at + start, from, from + end - start);
    this.#gathered[place]! += end - start;
    if (end > this.#furthest[place]!) this.#furthest[place] = end;
    if (view.moreFragments === 0) this.#totals[place] = end;
    if (start === 0) this.#protocols[place] = view.fragmentProtocol;
    return FRAGMENT_KEPT;
  }

  /** Whether a fragment that ends at `end`, and is the last or not, can be of the packet at the place. */
  #agreesOnEnd(place: number, end: number, moreFragments: number): boolean {
    const total = this.#totals[place]!;
    if (moreFragments === 1) return total < 0 || end < total;
    return total < 0 ? end > this.#furthest[place]! : end === total;
  }

  /**
   * Writes the header before the data, and frees the place. It is a plain one: the parser has looked into each fragment's options
   * and extension headers, and nobody behind it does.
   */
  #finish(place: number, view: PacketView): void {
    const { bytes } = this.#pool;
    const total = this.#totals[place]!;
    const slot = this.#slots[place]!;
    const at = this.#pool.packetOffset(slot);
    const protocol = this.#protocols[place]!;
    const { sourceOffset, destinationOffset } = view;
    if (view.ipVersion === 4) {
      const { identification } = view;
      const length = IPV4_HEADER_BYTES + total;
      emitIpv4Header(
        bytes,
        at,
        length,
        protocol,
        identification,
        DEFAULT_TTL,
        bytes,
        sourceOffset,
        destinationOffset,
      );
    } else {
      emitIpv6Header(bytes, at, total, protocol, DEFAULT_HOP_LIMIT, bytes, sourceOffset, destinationOffset);
    }
    this.slot = slot;
    this.length = dataOffset(view) + total;
    this.#states[place] = FREE;
    this.#pending--;
    this.counters.add(PACKETS_REASSEMBLED);
  }
}

/** Where the data begin in the whole packet: behind a plain header. */
function dataOffset(view: PacketView): number {
  return view.ipVersion === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
}

function isEqual(bytes: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}
