// The director's side of one worker: the ring that packets go to it by, and the ring that slots and ended flows come
// back by. Main thread only.

import {
  DESCRIPTOR_CONNECTION,
  DESCRIPTOR_FLOW,
  DESCRIPTOR_GENERATION,
  DESCRIPTOR_HASH,
  DESCRIPTOR_INNER,
  DESCRIPTOR_KIND,
  DESCRIPTOR_LENGTHS,
  DESCRIPTOR_SLOT,
  DESCRIPTOR_WORDS,
  EVENT_ICMP_ERROR,
  RETURN_NO_CONNECTION,
  RETURN_SLOT,
  RETURN_WORDS,
} from "../memory/descriptor.js";
import type { HeldSlots } from "../memory/packet-pool.js";
import { allocateRing, RingConsumer, type RingMemory, RingProducer } from "../memory/ring.js";
import { allocateTransmitRing, TransmitConsumer, type TransmitRingMemory } from "../memory/transmit-ring.js";
import type { PacketView } from "../wire/packet-view.js";

/** The rings between the director and one worker; can be sent to its thread. */
export interface WorkerRings {
  readonly descriptors: RingMemory;
  readonly returns: RingMemory;
  readonly transmit: TransmitRingMemory;
}

/**
 * `ringSlots`: packets that may wait for one worker; `poolSlots`: slots of the pool, large ones among them. The return ring takes
 * every slot and half as many ended flows, so that a worker never has to wait to give a slot back.
 */
export function allocateWorkerRings(
  ringSlots: number,
  poolSlots: number,
  transmitWords: number,
): WorkerRings {
  const returns = 2 ** Math.ceil(Math.log2(1.5 * poolSlots));
  return {
    descriptors: allocateRing(ringSlots, DESCRIPTOR_WORDS),
    returns: allocateRing(returns, RETURN_WORDS),
    transmit: allocateTransmitRing(transmitWords),
  };
}

export class WorkerPort {
  readonly transmit: TransmitConsumer;
  readonly #descriptors: RingProducer;
  readonly #returns: RingConsumer;
  readonly #worker: number;
  /** Descriptors that fill half of the ring. */
  readonly #half: number;
  #unpublished = false;
  /**
   * Events that found the ring full, as records one after the other: bytes of a stream cannot be dropped. Bounded by the pool's
   * slots and the connections' windows.
   */
  readonly #overflow: number[] = [];

  constructor(worker: number, rings: WorkerRings) {
    this.#worker = worker;
    this.#half = rings.descriptors.capacity >>> 1;
    this.#descriptors = new RingProducer(rings.descriptors);
    this.#returns = new RingConsumer(rings.returns);
    this.transmit = new TransmitConsumer(rings.transmit);
  }

  /** True while events wait for room in the ring. */
  get isOverflowing(): boolean {
    return this.#overflow.length > 0;
  }

  /** True if the worker has taken everything. */
  get isIdle(): boolean {
    return !this.isOverflowing && this.#descriptors.isEmpty();
  }

  /** Whether half of the ring is free: less is for the packets of those that are served already. */
  get hasRoomToSpare(): boolean {
    return this.#descriptors.hasRoom(this.#half);
  }

  /** Hands a packet over as EVENT_PACKET or EVENT_ICMP_ERROR; false if the ring is full. The worker sees it after `publish`. */
  push(
    event: number,
    slot: number,
    view: PacketView,
    link: number,
    flow: number,
    generation: number,
    hash: number,
  ): boolean {
    const at = this.#descriptors.reserve();
    if (at < 0) return false;
    const { words } = this.#descriptors;
    words[at + DESCRIPTOR_SLOT] = slot;
    words[at + DESCRIPTOR_LENGTHS] = view.totalLength | ((view.l4Offset - view.offset) << 16);
    let { protocol } = view;
    if (event === EVENT_ICMP_ERROR) {
      protocol = view.innerProtocol;
      words[at + DESCRIPTOR_INNER] = view.innerL4Offset - view.offset;
    }
    words[at + DESCRIPTOR_KIND] = protocol | (view.ipVersion << 8) | (link << 16) | (event << 24);
    words[at + DESCRIPTOR_FLOW] = flow;
    words[at + DESCRIPTOR_GENERATION] = generation;
    words[at + DESCRIPTOR_HASH] = hash;
    this.#descriptors.commit();
    this.#unpublished = true;
    return true;
  }

  /** Hands an event of a relayed connection over; never lost, and in order. The worker sees it after `publish`. */
  pushEvent(event: number, link: number, connection: number, slot: number, length: number): void {
    const kind = (link << 16) | (event << 24);
    if (this.isOverflowing || !this.#pushEvent(kind, connection, slot, length)) {
      this.#overflow.push(kind, connection, slot, length);
    }
  }

  #pushEvent(kind: number, connection: number, slot: number, length: number): boolean {
    const at = this.#descriptors.reserve();
    if (at < 0) return false;
    const { words } = this.#descriptors;
    words[at + DESCRIPTOR_SLOT] = slot;
    words[at + DESCRIPTOR_LENGTHS] = length;
    words[at + DESCRIPTOR_KIND] = kind;
    words[at + DESCRIPTOR_CONNECTION] = connection;
    this.#descriptors.commit();
    this.#unpublished = true;
    return true;
  }

  /** Hands over what has waited, as far as there is room now. */
  pushOverflow(): void {
    const waiting = this.#overflow;
    let at = 0;
    while (
      at < waiting.length &&
      this.#pushEvent(waiting[at]!, waiting[at + 1]!, waiting[at + 2]!, waiting[at + 3]!)
    ) {
      at += 4;
    }
    if (at > 0) waiting.splice(0, at);
  }

  /** Wakes the worker: there is room in its transmit ring, or a command on the load board. */
  wake(): void {
    this.#descriptors.rouse();
  }

  /** Shows the worker what was pushed, and wakes it if it sleeps. Once a burst. */
  publish(): void {
    if (!this.#unpublished) return;
    this.#unpublished = false;
    this.#descriptors.publish();
    this.#descriptors.wake();
  }

  /**
   * Takes back slots, and tells of ended flows, and whether connections had come of them. Returns how many records there were. A
   * slot that the worker does not hold is not taken: one that came back twice would be two packets' at once.
   */
  collect(
    heldSlots: HeldSlots,
    flowEnded: (entry: number, generation: number, wasConnection: boolean) => void,
  ): number {
    const returns = this.#returns;
    let records = 0;
    for (let at = returns.peek(); at >= 0; at = returns.peek()) {
      const first = returns.words[at]!;
      const second = returns.words[at + 1]!;
      if (second === RETURN_SLOT) heldSlots.giveBack(first, this.#worker);
      else flowEnded(first & ~RETURN_NO_CONNECTION, second, (first & RETURN_NO_CONNECTION) === 0);
      returns.advance();
      records++;
    }
    if (records > 0) returns.release();
    return records;
  }
}
