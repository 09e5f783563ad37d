// The director: the loop on the main thread that takes packets from the links and sends each to the right worker.
// It knows of packets only what the parser's view says, of workers only their rings and the load board, and never
// sees a response. The packet path (`#receiveFrom` and below) allocates nothing and throws nothing.

import { Ageing } from "../flow/ageing.js";
import { NO_ENTRY, STATE_SOURCE } from "../flow/flow-entry.js";
import { KEY_DESTINATION, KEY_KIND, KEY_WORDS } from "../flow/flow-key.js";
import { firstState, isOpeningSyn } from "../flow/flow-state.js";
import type { FlowTable } from "../flow/flow-table.js";
import type { ReassemblyCounterName } from "../flow/fragment-fates.js";
import { Burst, type Link, type PacketLink } from "../link/link.js";
import { Counters } from "../memory/counters.js";
import { EVENT_ICMP_ERROR, EVENT_PACKET, NO_FLOW, NO_SLOT } from "../memory/descriptor.js";
import { HeldSlots, type PacketPoolMemory } from "../memory/packet-pool.js";
import { FAULT_FRAGMENT, PARSE_OK } from "../wire/faults.js";
import { ICMP_MEANS_NOTHING, meaningOfIcmp } from "../wire/icmp-error.js";
import { isNeighbourMessage } from "../wire/icmp-types.js";
import { hasPorts, PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocols.js";
import { RST } from "../wire/tcp.js";
import { IcmpResponder } from "./icmp-responder.js";
import { OwnAddresses } from "./own-addresses.js";
import { ParsedBurst } from "./parsed-burst.js";
import { Placement, type PlacementOptions } from "./placement.js";
import type { Policy } from "./policies.js";
import { Reassembly } from "./reassembly.js";
import { Relay } from "./relay.js";
import { ResetProbe } from "./reset-probe.js";
import {
  isForwarded,
  UNCOUNTED,
  VERDICT_FLOW_HIT,
  VERDICT_ICMP_ERROR,
  VERDICT_ICMP_UNKNOWN_FLOW,
  VERDICT_NEIGHBOUR_MESSAGE,
  VERDICT_NO_WORKER,
  VERDICT_NOT_OURS,
  VERDICT_RING_FULL,
  VERDICT_STRAY_RESET,
  VERDICT_SYN_COOKIE,
  VERDICT_SYN_LIMITED,
  VERDICTS,
  type Verdict,
} from "./verdict.js";
import { WorkerPort, type WorkerRings } from "./worker-port.js";

/** Time in which the sweep for entries whose time is over goes once through the flow table, however busy the farm is. */
const AGEING_ROUND_MS = 10_000;
/** Fewest and most slots of the table that one turn looks at for them. */
const AGEING_MIN_SLOTS = 64;
const AGEING_MAX_SLOTS = 4096;

/** How long an event waits for room in a worker's ring before the next try, in ms. */
const OVERFLOW_RETRY_MS = 1;

export interface DirectorOptions extends PlacementOptions {
  readonly links: readonly Link[];
  readonly pool: PacketPoolMemory;
  /** Addresses that the farm answers at, 4 or 16 bytes each; none means all. */
  readonly addresses: readonly Uint8Array[];
  /** Packets that may be put together from fragments at once, a large slot each; 0: fragments are dropped. */
  readonly reassemblyPlaces: number;
  /** UDP port of the datagram service; other ports are unreachable. 0: no service, any port is taken (a replay). */
  readonly datagramPort: number;
  /** A steady clock in milliseconds. */
  readonly now: () => number;
}

export class Director {
  /** Packets by verdict. writer: main. */
  readonly counters = new Counters<Verdict>(VERDICTS);
  readonly #links: readonly Link[];
  readonly #burst: Burst;
  readonly #heldSlots: HeldSlots;
  readonly #table: FlowTable;
  readonly #ageing: Ageing;
  readonly #placement: Placement;
  /** By link number; undefined for links that carry packets. */
  readonly #relays: (Relay | undefined)[];
  readonly #own: OwnAddresses;
  readonly #datagramPort: number;
  readonly #resetProbe = new ResetProbe();
  /** Whether there are links that workers cannot write to. */
  readonly #hasTransmitRings: boolean;
  readonly #now: () => number;
  readonly #icmp = new IcmpResponder();
  readonly #reassembly: Reassembly;
  /** By worker number; undefined where there is none. */
  readonly #workers: (WorkerPort | undefined)[] = [];
  readonly #flowEnded = (entry: number, generation: number, wasConnection: boolean): void => {
    this.#table.endFlow(entry, generation, this.#tick, wasConnection);
  };
  /** A flow is taken away while its client may believe in the connection. */
  readonly #flowRemoved = (flow: number): void => {
    const key = this.#removedKey;
    this.#table.readKey(flow, key, 0);
    const isTcp = (key[KEY_KIND]! & 0xff) === PROTOCOL_TCP;
    const link = this.#links.find(isPacketLink);
    if (isTcp && link !== undefined) this.#resetProbe.send(key, 0, link);
  };
  readonly #parsed: ParsedBurst;
  /** For the key of a flow that is taken away. */
  readonly #removedKey = new Int32Array(KEY_WORDS);
  /** The clock as the flow table has it: milliseconds, 32 bits. */
  #tick = 0;
  /** When the last slice of the sweep was. */
  #agedTick = 0;
  /** Whether a timer runs for what waits for room in a worker's ring. */
  #isRetryDue = false;

  constructor(options: DirectorOptions) {
    this.#links = options.links;
    this.#burst = new Burst(options.pool);
    this.#heldSlots = new HeldSlots(options.pool, this.#burst.freeSlots);
    this.#table = options.flowTable;
    this.#ageing = new Ageing(options.flowTable);
    this.#placement = new Placement(options);
    this.#parsed = new ParsedBurst(this.#burst, options.seed);
    this.#relays = this.#links.map((link, linkNumber) => {
      if (link.kind !== "socket") return undefined;
      const { flowTable } = options;
      return new Relay({
        link,
        linkNumber,
        burst: this.#burst,
        heldSlots: this.#heldSlots,
        flowTable,
        placement: this.#placement,
        workers: this.#workers,
      });
    });
    this.#hasTransmitRings = this.#links.some(({ egressPlan }) => egressPlan.kind !== "tun");
    this.#own = new OwnAddresses(options.addresses);
    this.#reassembly = new Reassembly(this.#burst, this.#parsed, this.#own, options.reassemblyPlaces);
    this.#datagramPort = options.datagramPort;
    this.#now = options.now;
  }

  /** Begins to use a worker's rings; the load board says when it may get flows. */
  addWorker(worker: number, rings: WorkerRings): void {
    this.#workers[worker] = new WorkerPort(worker, rings);
    this.#placement.workerCount = this.#workers.length;
  }

  /**
   * Forgets a worker whose thread has ended: its slots come back, its flows and sources are free for other workers, and the
   * clients of its connections are made to see that they are no more.
   */
  removeWorker(worker: number): void {
    const port = this.#workers[worker];
    if (port === undefined) return;
    this.#tick = this.#now() | 0;
    port.collect(this.#heldSlots, this.#flowEnded);
    this.#deliver(worker, port);
    port.transmit.cancelWait();
    this.#workers[worker] = undefined;
    while (this.#workers.length > 0 && this.#workers.at(-1) === undefined) this.#workers.pop();
    this.#placement.workerCount = this.#workers.length;
    this.#heldSlots.giveBackAll(worker);
    for (const relay of this.#relays) relay?.resetWorker(worker, this.#tick);
    this.#table.removeWorker(worker, this.#tick, this.#flowRemoved);
  }

  /** Changes the policy for new sources; flows and sources stay where they are. */
  set policy(policy: Policy) {
    this.#placement.policy = policy;
  }

  /** Wakes a worker to look at the load board. */
  wakeWorker(worker: number): void {
    this.#workers[worker]?.wake();
  }

  /** True if the worker has taken everything that it was given. */
  isIdle(worker: number): boolean {
    return this.#workers[worker]?.isIdle ?? true;
  }

  /**
   * Takes an entry out of the flow table, as an operator asks: a source is unpinned; of a flow the client is made to see that the
   * connection is no more.
   */
  removeEntry(entry: number): void {
    this.#tick = this.#now() | 0;
    for (const relay of this.#relays) if (relay?.resetFlow(entry, this.#tick)) return;
    if (this.#table.stateOf(entry) !== STATE_SOURCE) this.#flowRemoved(entry);
    this.#table.remove(entry, this.#tick);
  }

  /** Free slots of the packet pool, without the large ones; and those. */
  get freeSlots(): number {
    return this.#burst.freeSlots.count;
  }

  get freeLargeSlots(): number {
    return this.#burst.freeSlots.largeCount;
  }

  /** What became of packets that came in fragments. */
  get reassemblyCounters(): Counters<ReassemblyCounterName> {
    return this.#reassembly.counters;
  }

  /** One turn: what came back, one burst of each link, what goes out, a slice of housekeeping. Returns packets received. */
  turn(): number {
    // As an integer at once: a field with a fraction costs an allocation a turn.
    this.#tick = this.#now() | 0;
    let packets = 0;
    this.#collect();
    for (let link = 0; link < this.#links.length; link++) packets += this.#receiveFrom(link);
    this.#transmit();
    this.#age();
    return packets;
  }

  /** Calls `wake` once, as soon as a turn would find something to do. */
  wait(wake: () => void): void {
    let isOverflowing = false;
    for (const link of this.#links) link.wait(wake);
    for (const worker of this.#workers) {
      if (worker === undefined) continue;
      if (this.#hasTransmitRings) worker.transmit.wait(wake);
      if (worker.isOverflowing) isOverflowing = true;
    }
    if (!isOverflowing || this.#isRetryDue) return;
    // One timer at a time: others wake us meanwhile, and each time would add one that adds one.
    this.#isRetryDue = true;
    setTimeout(() => {
      this.#isRetryDue = false;
      wake();
    }, OVERFLOW_RETRY_MS);
  }

  /** Lets go of pending waits. */
  close(): void {
    for (const worker of this.#workers) worker?.transmit.cancelWait();
  }

  #receiveFrom(linkNumber: number): number {
    const burst = this.#burst;
    const link = this.#links[linkNumber]!;
    link.receive(burst);
    if (burst.count === 0) return 0;
    const { verdicts, hashes } = this.#parsed;
    if (isPacketLink(link)) {
      this.#parsed.parse();
      // The table's lines are fetched side by side before they are needed one after the other.
      this.#table.touchLines(hashes, burst.count);
    }
    const relay = this.#relays[linkNumber];
    for (let i = 0; i < burst.count; i++) {
      if (relay !== undefined) verdicts[i] = relay.forward(i, this.#tick);
      else {
        if (verdicts[i] === FAULT_FRAGMENT) verdicts[i] = this.#reassembly.take(i, this.#tick);
        if (verdicts[i] === PARSE_OK) verdicts[i] = this.#direct(i, linkNumber);
      }
      this.#account(verdicts[i]!, burst.slots[i]!);
    }
    for (let worker = 0; worker < this.#workers.length; worker++) this.#workers[worker]?.publish();
    return burst.count;
  }

  #account(verdict: number, slot: number): void {
    if (verdict !== UNCOUNTED) this.counters.add(verdict);
    if (!isForwarded(verdict) && slot !== NO_SLOT) this.#burst.freeSlots.release(slot);
  }

  /** Decides where packet `i` of the burst goes, and sends it there. Returns the verdict. */
  #direct(i: number, link: number): number {
    const { views, keys, hashes } = this.#parsed;
    const view = views[i]!;
    const at = i * KEY_WORDS;
    if (!this.#own.has(keys, at + KEY_DESTINATION, view.ipVersion)) {
      return isNeighbourMessage(view) ? VERDICT_NEIGHBOUR_MESSAGE : VERDICT_NOT_OURS;
    }
    if (view.protocol === PROTOCOL_TCP) {
      const flow = this.#table.lookupFlow(keys, at, hashes[i]!);
      if (flow !== NO_ENTRY && this.#table.followTcp(flow, view.tcpFlags, this.#tick)) {
        return this.#push(i, link, flow, VERDICT_FLOW_HIT);
      }
      if ((view.tcpFlags & RST) !== 0) return VERDICT_STRAY_RESET;
      if (isOpeningSyn(view.tcpFlags) && this.#placement.isToProve(keys, at, this.#tick)) {
        return this.#sendForCookie(i, link);
      }
      return this.#beginFlow(i, link);
    }
    if (view.protocol !== PROTOCOL_UDP) return this.#directIcmp(i, link);
    if (this.#datagramPort !== 0 && view.destinationPort !== this.#datagramPort) {
      return this.#icmp.portUnreachable(this.#burst.pool, view, this.#packetLink(link), this.#tick);
    }
    const flow = this.#table.lookupFlow(keys, at, hashes[i]!);
    if (flow === NO_ENTRY) return this.#beginFlow(i, link);
    this.#table.touch(flow, this.#tick);
    return this.#push(i, link, flow, VERDICT_FLOW_HIT);
  }

  /** An ICMP error goes to the worker that holds the flow it is about; it neither begins a flow nor keeps one alive. */
  #directIcmp(i: number, link: number): number {
    const { views, keys, hashes } = this.#parsed;
    const view = views[i]!;
    if (meaningOfIcmp(view.ipVersion, view.icmpType, view.icmpCode) === ICMP_MEANS_NOTHING) {
      return this.#icmp.answer(this.#burst.pool, view, this.#packetLink(link), this.#tick);
    }
    if (view.innerTupleKnown === 0 || !hasPorts(view.innerProtocol)) return VERDICT_ICMP_UNKNOWN_FLOW;
    this.#parsed.takeAnsweredFlow(i);
    const flow = this.#table.lookupFlow(keys, i * KEY_WORDS, hashes[i]!);
    return flow === NO_ENTRY ? VERDICT_ICMP_UNKNOWN_FLOW : this.#push(i, link, flow, VERDICT_ICMP_ERROR);
  }

  /** A link that packets have come from. */
  #packetLink(link: number): PacketLink {
    return this.#links[link] as PacketLink;
  }

  /** A packet of no flow that we know. */
  #beginFlow(i: number, link: number): number {
    const placement = this.#placement;
    const { views, keys, hashes } = this.#parsed;
    const state = firstState(views[i]!.protocol);
    const flow = placement.begin(keys, i * KEY_WORDS, hashes[i]!, state, this.#tick);
    if (flow === NO_ENTRY) return placement.verdict;
    const verdict = this.#push(i, link, flow, placement.verdict);
    // Its worker will never report the end of a flow that it has not heard of.
    if (!isForwarded(verdict)) this.#table.endFlow(flow, this.#table.generationOf(flow), this.#tick, false);
    return verdict;
  }

  /** A SYN that begins no flow: its flow begins with the ACK of the worker's SYN cookie, which may go to another worker. */
  #sendForCookie(i: number, link: number): number {
    const worker = this.#placement.chooseWithoutFlow(this.#parsed.hashes[i]!);
    if (this.#workers[worker]?.hasRoomToSpare === false) return VERDICT_SYN_LIMITED;
    return this.#hand(i, link, worker, NO_FLOW, 0, VERDICT_SYN_COOKIE);
  }

  #push(i: number, link: number, flow: number, verdict: number): number {
    const table = this.#table;
    return this.#hand(i, link, table.workerOf(flow), flow, table.generationOf(flow), verdict);
  }

  #hand(i: number, link: number, worker: number, flow: number, generation: number, verdict: number): number {
    const port = this.#workers[worker];
    if (port === undefined) return VERDICT_NO_WORKER;
    const slot = this.#burst.slots[i]!;
    const { views, hashes } = this.#parsed;
    const event = verdict === VERDICT_ICMP_ERROR ? EVENT_ICMP_ERROR : EVENT_PACKET;
    if (!this.#heldSlots.mayHand(slot, worker)) return VERDICT_RING_FULL;
    if (!port.push(event, slot, views[i]!, link, flow, generation, hashes[i]!)) return VERDICT_RING_FULL;
    this.#heldSlots.hand(slot, worker);
    return verdict;
  }

  /** A slice of the sweep, as large as the time since the last one makes due. */
  #age(): void {
    const elapsedMs = (this.#tick - this.#agedTick) | 0;
    const slots = Math.floor((elapsedMs * this.#table.capacity) / AGEING_ROUND_MS);
    if (slots < AGEING_MIN_SLOTS) return;
    this.#agedTick = this.#tick;
    this.#reassembly.expire(this.#tick);
    this.#ageing.age(this.#tick, Math.min(slots, AGEING_MAX_SLOTS));
  }

  /** Slots and ended flows that workers have given back; and what waits for room with them. */
  #collect(): void {
    for (let worker = 0; worker < this.#workers.length; worker++) {
      const port = this.#workers[worker];
      if (port === undefined) continue;
      port.collect(this.#heldSlots, this.#flowEnded);
      if (!port.isOverflowing) continue;
      port.pushOverflow();
      port.publish();
    }
  }

  /** What workers cannot write to the link themselves. */
  #transmit(): void {
    for (let worker = 0; worker < this.#workers.length; worker++) {
      const port = this.#workers[worker];
      if (port !== undefined) this.#deliver(worker, port);
    }
  }

  #deliver(worker: number, port: WorkerPort): void {
    const ring = port.transmit;
    let any = false;
    while (ring.next()) {
      any = true;
      const link = this.#links[ring.link];
      if (ring.event !== EVENT_PACKET) this.#relays[ring.link]?.deliver(worker, ring);
      else if (link !== undefined && isPacketLink(link)) link.transmit(ring.bytes, ring.offset, ring.length);
    }
    if (any && ring.release()) port.wake();
  }
}

function isPacketLink(link: Link): link is PacketLink {
  return link.kind !== "socket";
}
