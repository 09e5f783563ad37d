// The flow table: which worker holds a flow, and which worker a source's new flows go to. Fixed capacity, every key
// compared in full, no entry ever moved, since workers hold the number of its slot. Written by the director alone.
// Knows nothing of packets, nor where entries stand (slots.ts), nor which has to go when there is no room (eviction.ts).
//
// What always holds: a live flow is found under its key until its end has been told to the observer, once; a source's
// count is that of its live flows; a generation, once its entry has ended, never fits again (in 2^31 entries of a slot).

import { Counters } from "../memory/counters.js";
import { CLASS_CLOSING, CLASS_IDLE, CLASS_OPENING, chooseVictim, evictionClass } from "./eviction.js";
import {
  ENDS_STALE,
  FLOW_COUNTERS,
  FLOWS_AGED,
  FLOWS_ENDED,
  FLOWS_EVICTED_CLOSING,
  FLOWS_EVICTED_IDLE,
  FLOWS_EVICTED_OPENING,
  FLOWS_REFUSED,
  FLOWS_REMOVED,
  FLOWS_STARTED,
  type FlowCounterName,
  SOURCES_AGED,
  SOURCES_EVICTED_IDLE,
  SOURCES_EVICTED_WITH_FLOWS,
  SOURCES_REFUSED,
  SOURCES_REMOVED,
  SOURCES_STARTED,
  SOURCES_UNPROVEN,
} from "./flow-counters.js";
import {
  type FlowTableMemory,
  KIND_KEY_MASK,
  KIND_STATE_MASK,
  KIND_STATE_SHIFT,
  KIND_WORKER_SHIFT,
  NO_ENTRY,
  SLOT_GENERATION,
  SLOT_KEY,
  SLOT_KIND,
  SLOT_LAST_SEEN,
  SLOT_LIVE_FLOWS,
  SLOT_PROVEN,
  SLOT_SHIFT,
  SLOT_SOURCE,
  SLOT_SOURCE_GENERATION,
  STATE_CLOSING,
  STATE_ESTABLISHED,
  STATE_OPENING,
  STATE_SOURCE,
  slotAt,
  slotWords,
  stateAt,
} from "./flow-entry.js";
import { KEY_KIND } from "./flow-key.js";
import { isOpeningSyn, isPlain, nextTcpState } from "./flow-state.js";
import { type FlowTimeouts, isExpired, type TimeoutByState, timeoutsByState } from "./flow-timeouts.js";
import { fillSlot, findEntry, findFreePlace, freeSlot, NO_PLACE } from "./slots.js";

/**
 * Is told of every flow and source that begins or ends, exactly once, whatever the reason: the place to keep the load
 * board. Called in the middle of the table's work: must not call the table.
 */
export interface FlowObserver {
  flowStarted(worker: number): void;
  flowEnded(worker: number): void;
  sourceStarted(worker: number): void;
  sourceEnded(worker: number): void;
}

/** What to do with a new entry when all 32 slots that it could be in are taken. */
export type FullPolicy = "evict" | "refuse";

export class FlowTable {
  readonly capacity: number;
  readonly counters: Counters<FlowCounterName>;
  readonly #words: Int32Array;
  readonly #slotMask: number;
  readonly #timeouts: TimeoutByState;
  readonly #evicts: boolean;
  readonly #observer: FlowObserver;
  #flows = 0;
  #openingFlows = 0;
  #sources = 0;

  /** `memory` is to be new, from `allocateFlowTable`. @throws RangeError for a timeout that is out of range. */
  constructor(
    memory: FlowTableMemory,
    timeouts: FlowTimeouts,
    fullPolicy: FullPolicy,
    observer: FlowObserver,
  ) {
    this.capacity = memory.capacity;
    this.counters = new Counters(FLOW_COUNTERS);
    this.#words = slotWords(memory);
    this.#slotMask = memory.capacity - 1;
    this.#timeouts = timeoutsByState(timeouts);
    this.#evicts = fullPolicy === "evict";
    this.#observer = observer;
  }

  /** Live flows; with `sources` and `capacity`, how full the table is. */
  get flows(): number {
    return this.#flows;
  }

  /** Live flows of which only SYNs were seen, or one packet: all that forged addresses can make. */
  get openingFlows(): number {
    return this.#openingFlows;
  }

  get sources(): number {
    return this.#sources;
  }

  // ---- Finding ------------------------------------------------------------------------------------------------------

  /** The flow with the flow key at `keys[at …]`, aged or not; NO_ENTRY if there is none. `hash` is the key's. */
  lookupFlow(keys: Int32Array, at: number, hash: number): number {
    return findEntry(this.#words, this.#slotMask, keys, at, hash);
  }

  /** The source with the source key at `keys[at …]`; NO_ENTRY if there is none or its affinity time is over. */
  lookupSource(keys: Int32Array, at: number, hash: number, now: number): number {
    const entry = findEntry(this.#words, this.#slotMask, keys, at, hash);
    if (entry === NO_ENTRY || !isExpired(this.#words, entry << SLOT_SHIFT, this.#timeouts, now)) return entry;
    this.#removeSource(entry, SOURCES_AGED);
    return NO_ENTRY;
  }

  /**
   * Reads one word of the line that each of `count` hashes points to, so that the memory fetches them side by side
   * before lookups take them one after the other. The sum is of no use but to keep the reads.
   */
  touchLines(hashes: Int32Array, count: number): number {
    const words = this.#words;
    const mask = this.#slotMask;
    let sum = 0;
    for (let i = 0; i < count; i++) sum ^= words[(hashes[i]! & mask) << SLOT_SHIFT]!;
    return sum;
  }

  // ---- Beginning ----------------------------------------------------------------------------------------------------

  /**
   * A new flow of `worker` (0 … 255) in state `state`, seen `now`, that belongs to the live source entry `source`, or to
   * none (NO_ENTRY). Its key must not be in the table. NO_ENTRY if it was refused.
   */
  insertFlow(
    keys: Int32Array,
    at: number,
    hash: number,
    worker: number,
    source: number,
    state: number,
    now: number,
  ): number {
    const place = this.#claim(hash, source, now);
    if (place === NO_PLACE) {
      this.counters.add(FLOWS_REFUSED);
      return NO_ENTRY;
    }
    const words = this.#words;
    const entry = fillSlot(words, this.#slotMask, place, keys, at, hash, worker, state, now);
    const base = entry << SLOT_SHIFT;
    words[base + SLOT_SOURCE] = source;
    if (source !== NO_ENTRY) {
      const sourceBase = source << SLOT_SHIFT;
      words[base + SLOT_SOURCE_GENERATION] = words[sourceBase + SLOT_GENERATION]!;
      words[sourceBase + SLOT_LIVE_FLOWS]! += 1;
      words[sourceBase + SLOT_LAST_SEEN] = now;
    }
    this.#flows++;
    if (state === STATE_OPENING) this.#openingFlows++;
    this.counters.add(FLOWS_STARTED);
    this.#observer.flowStarted(worker);
    return entry;
  }

  /** A new source, pinned to `worker`. Its key must not be in the table. NO_ENTRY if it was refused. */
  insertSource(keys: Int32Array, at: number, hash: number, worker: number, now: number): number {
    const place = this.#claim(hash, NO_ENTRY, now);
    if (place === NO_PLACE) {
      this.counters.add(SOURCES_REFUSED);
      return NO_ENTRY;
    }
    const entry = fillSlot(this.#words, this.#slotMask, place, keys, at, hash, worker, STATE_SOURCE, now);
    this.#sources++;
    this.counters.add(SOURCES_STARTED);
    this.#observer.sourceStarted(worker);
    return entry;
  }

  /** Pins the source to another worker: for its new flows; those that it has stay where they are. */
  repinSource(source: number, worker: number): void {
    const words = this.#words;
    const kindAt = (source << SLOT_SHIFT) + SLOT_KIND;
    const formerWorker = words[kindAt]! >>> KIND_WORKER_SHIFT;
    words[kindAt] = (words[kindAt]! & 0xffffff) | (worker << KIND_WORKER_SHIFT);
    this.#observer.sourceEnded(formerWorker);
    this.#observer.sourceStarted(worker);
  }

  // ---- Following ----------------------------------------------------------------------------------------------------

  /** Notes that a packet of the flow has come. For TCP: `followTcp`. */
  touch(flow: number, now: number): void {
    this.#words[(flow << SLOT_SHIFT) + SLOT_LAST_SEEN] = now;
  }

  /**
   * Notes that a TCP packet with these flags has come, and what that says of the connection. Returns false if it begins
   * a new flow, a SYN where a connection is closing or long unseen (RFC 9293 section 3.6.1 lets a port pair be used anew):
   * then the flow has been ended, and the packet is one of a flow that the table does not know.
   */
  followTcp(flow: number, tcpFlags: number, now: number): boolean {
    const words = this.#words;
    const base = flow << SLOT_SHIFT;
    const state = stateAt(words, base);
    if (state !== STATE_ESTABLISHED || !isPlain(tcpFlags)) {
      if (
        isOpeningSyn(tcpFlags) &&
        (state === STATE_CLOSING || isExpired(words, base, this.#timeouts, now))
      ) {
        this.#endFlow(flow, now, FLOWS_ENDED);
        return false;
      }
      const next = nextTcpState(state, tcpFlags);
      if (state === STATE_OPENING && next !== STATE_OPENING) this.#openingFlows--;
      const stateBits = next << KIND_STATE_SHIFT;
      words[base + SLOT_KIND] =
        (words[base + SLOT_KIND]! & ~(KIND_STATE_MASK << KIND_STATE_SHIFT)) | stateBits;
    }
    words[base + SLOT_LAST_SEEN] = now;
    return true;
  }

  /** Copies the entry's key to `keys[at …]`. */
  readKey(entry: number, keys: Int32Array, at: number): void {
    const words = this.#words;
    const key = (entry << SLOT_SHIFT) + SLOT_KEY;
    for (let i = 0; i < KEY_KIND; i++) keys[at + i] = words[key + i]!;
    keys[at + KEY_KIND] = words[(entry << SLOT_SHIFT) + SLOT_KIND]! & KIND_KEY_MASK;
  }

  workerOf(entry: number): number {
    return this.#words[(entry << SLOT_SHIFT) + SLOT_KIND]! >>> KIND_WORKER_SHIFT;
  }

  /** What tells this entry from later ones in the same slot: 0 … 2^31 - 1. */
  generationOf(entry: number): number {
    return this.#words[(entry << SLOT_SHIFT) + SLOT_GENERATION]!;
  }

  /** One of the STATE constants; 0 if the slot is free. */
  stateOf(entry: number): number {
    return stateAt(this.#words, entry << SLOT_SHIFT);
  }

  /** Flows of the source that have not ended. */
  liveFlowsOf(source: number): number {
    return this.#words[(source << SLOT_SHIFT) + SLOT_LIVE_FLOWS]!;
  }

  /** Whether a connection of the source was real: then its address is no forged one. */
  isProven(source: number): boolean {
    return this.#words[(source << SLOT_SHIFT) + SLOT_PROVEN] === 1;
  }

  /** The flow's source entry; NO_ENTRY if it began without one, or the source was evicted. */
  sourceOf(flow: number): number {
    const words = this.#words;
    const base = flow << SLOT_SHIFT;
    const source = words[base + SLOT_SOURCE]!;
    if (source === NO_ENTRY) return NO_ENTRY;
    const generation = words[(source << SLOT_SHIFT) + SLOT_GENERATION];
    return generation === words[base + SLOT_SOURCE_GENERATION] ? source : NO_ENTRY;
  }

  // ---- Ending -------------------------------------------------------------------------------------------------------

  /**
   * Ends the flow that its worker reports as over; `wasConnection` false: no connection came of it. A source of which none
   * ever came goes with its last flow: or forged addresses would fill the table with sources. False if that flow has ended
   * before: the entry is free or another's. Takes any numbers, as they come from another thread.
   */
  endFlow(entry: number, generation: number, now: number, wasConnection = true): boolean {
    const isFlow = entry >= 0 && entry < this.capacity && isFlowState(this.stateOf(entry));
    if (!isFlow || this.generationOf(entry) !== generation) {
      this.counters.add(ENDS_STALE);
      return false;
    }
    const source = this.sourceOf(entry);
    this.#endFlow(entry, now, FLOWS_ENDED);
    if (source === NO_ENTRY) return true;
    if (wasConnection) this.#words[(source << SLOT_SHIFT) + SLOT_PROVEN] = 1;
    else this.#forgetIfUnproven(source);
    return true;
  }

  /** Removes what is in the slot, if anything, and its time is over. Returns whether it did. For the sweep. */
  expire(entry: number, now: number): boolean {
    const state = this.stateOf(entry);
    if (state === 0 || !isExpired(this.#words, entry << SLOT_SHIFT, this.#timeouts, now)) return false;
    if (state === STATE_SOURCE) this.#removeSource(entry, SOURCES_AGED);
    else this.#endFlow(entry, now, FLOWS_AGED);
    return true;
  }

  /**
   * Ends all flows of a worker that is gone, and unpins its sources: their next packets are those of unknown flows and
   * sources. `ended` is told of each flow's entry before it goes. Goes through the whole table at once: 20 to 40 ms for a million
   * slots. Returns the number of flows ended.
   */
  removeWorker(worker: number, now: number, ended: (flow: number) => void = () => {}): number {
    const before = this.#flows;
    for (let entry = 0; entry < this.capacity; entry++) {
      const state = this.stateOf(entry);
      if (state === 0 || this.workerOf(entry) !== worker) continue;
      if (state !== STATE_SOURCE) ended(entry);
      this.remove(entry, now);
    }
    return before - this.#flows;
  }

  /** Takes out what is in the slot, if anything: ends a flow, unpins a source. */
  remove(entry: number, now: number): void {
    const state = this.stateOf(entry);
    if (state === STATE_SOURCE) this.#removeSource(entry, SOURCES_REMOVED);
    else if (state !== 0) this.#endFlow(entry, now, FLOWS_REMOVED);
  }

  #endFlow(entry: number, now: number, counter: number): void {
    const source = this.sourceOf(entry);
    if (source !== NO_ENTRY) {
      const sourceBase = source << SLOT_SHIFT;
      this.#words[sourceBase + SLOT_LIVE_FLOWS]! -= 1;
      this.#words[sourceBase + SLOT_LAST_SEEN] = now;
    }
    const worker = this.workerOf(entry);
    if (this.stateOf(entry) === STATE_OPENING) this.#openingFlows--;
    freeSlot(this.#words, this.#slotMask, entry);
    this.#flows--;
    this.counters.add(counter);
    this.#observer.flowEnded(worker);
  }

  /** Flows that the source may still have do without: the slot's new generation cuts their links. */
  #removeSource(entry: number, counter: number): void {
    const worker = this.workerOf(entry);
    freeSlot(this.#words, this.#slotMask, entry);
    this.#sources--;
    this.counters.add(counter);
    this.#observer.sourceEnded(worker);
  }

  /** A source without flows of which no connection ever came. */
  #forgetIfUnproven(source: number): void {
    if (!this.isProven(source) && this.liveFlowsOf(source) === 0)
      this.#removeSource(source, SOURCES_UNPROVEN);
  }

  // ---- Making room --------------------------------------------------------------------------------------------------

  /**
   * The first place that is free for an entry with this hash. If need be and allowed, one is made so, but not that of the
   * entry `keep`. NO_PLACE if there is none.
   */
  #claim(hash: number, keep: number, now: number): number {
    const words = this.#words;
    const home = hash & this.#slotMask;
    const free = findFreePlace(words, this.#slotMask, home);
    if (free !== NO_PLACE) return free;
    const place = chooseVictim(words, home, this.#slotMask, this.#timeouts, now, keep);
    const victim = slotAt(home, place, this.#slotMask);
    // What is over makes room under either policy: it is only there because the sweep has not come by.
    if (this.expire(victim, now)) return place;
    if (!this.#evicts) return NO_PLACE;
    this.#evict(victim, keep, now);
    return place;
  }

  /** A half-open flow takes its source with it, but not `keep`: sources that are left would outnumber what displaces them. */
  #evict(entry: number, keep: number, now: number): void {
    const rank = evictionClass(this.#words, entry << SLOT_SHIFT, this.#timeouts, now);
    if (this.stateOf(entry) === STATE_SOURCE) {
      this.#removeSource(entry, rank === CLASS_IDLE ? SOURCES_EVICTED_IDLE : SOURCES_EVICTED_WITH_FLOWS);
    } else if (rank === CLASS_OPENING) {
      const source = this.sourceOf(entry);
      this.#endFlow(entry, now, FLOWS_EVICTED_OPENING);
      if (source !== NO_ENTRY && source !== keep) this.#forgetIfUnproven(source);
    } else {
      this.#endFlow(entry, now, rank === CLASS_CLOSING ? FLOWS_EVICTED_CLOSING : FLOWS_EVICTED_IDLE);
    }
  }
}

function isFlowState(state: number): boolean {
  return state !== 0 && state !== STATE_SOURCE;
}
