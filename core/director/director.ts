// The director: the loop on the main thread that takes packets from the links and sends each to the right worker.
// It knows of packets only what the parser's view says, of workers only their rings and the load board, and never
// sees a response. The packet path (`#receiveFrom` and below) allocates nothing and throws nothing.

import { Ageing } from "../flow/ageing.js";
import { NO_ENTRY } from "../flow/flow-entry.js";
import { type HashSeed, hashKey } from "../flow/flow-hash.js";
import {
  createAffinityMasks,
  KEY_DESTINATION,
  KEY_WORDS,
  writeFlowKey,
  writeSourceKey,
} from "../flow/flow-key.js";
import { firstState } from "../flow/flow-state.js";
import type { FlowTable } from "../flow/flow-table.js";
import { BURST_PACKETS, Burst, type Link } from "../link/link.js";
import { Counters } from "../memory/counters.js";
import { BOARD_STATE, type LoadBoard, WORKER_SERVING } from "../memory/load-board.js";
import { HeldSlots, type PacketPoolMemory } from "../memory/packet-pool.js";
import { PARSE_OK } from "../wire/faults.js";
import { parsePacket } from "../wire/packet.js";
import { PacketView } from "../wire/packet-view.js";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocols.js";
import { RST } from "../wire/tcp.js";
import { IcmpResponder } from "./icmp-responder.js";
import { OwnAddresses } from "./own-addresses.js";
import type { Policy } from "./policies.js";
import {
  isForwarded,
  VERDICT_FLOW_HIT,
  VERDICT_NEW_FLOW,
  VERDICT_NEW_SOURCE,
  VERDICT_NO_WORKER,
  VERDICT_NOT_OURS,
  VERDICT_RING_FULL,
  VERDICT_STRAY_RESET,
  VERDICT_TABLE_FULL,
  VERDICTS,
  type Verdict,
} from "./verdict.js";
import { WorkerPort, type WorkerRings } from "./worker-port.js";

/** Time in which the sweep for entries whose time is over goes once through the flow table, however busy the farm is. */
const AGEING_ROUND_MS = 10_000;
/** Fewest and most slots of the table that one turn looks at for them. */
const AGEING_MIN_SLOTS = 64;
const AGEING_MAX_SLOTS = 4096;

export interface DirectorOptions {
  readonly links: readonly Link[];
  readonly pool: PacketPoolMemory;
  readonly flowTable: FlowTable;
  readonly loadBoard: LoadBoard;
  readonly policy: Policy;
  readonly seed: HashSeed;
  /** Addresses that the farm answers at, 4 or 16 bytes each; none means all. */
  readonly addresses: readonly Uint8Array[];
  /** UDP port of the datagram service; other ports are unreachable. 0: no service, any port is taken (a replay). */
  readonly datagramPort: number;
  /** Which of a source's address bits count, for IPv4 and IPv6. */
  readonly affinityPrefix4: number;
  readonly affinityPrefix6: number;
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
  readonly #board: LoadBoard;
  readonly #policy: Policy;
  readonly #seed: HashSeed;
  readonly #own: OwnAddresses;
  readonly #datagramPort: number;
  readonly #masks: Int32Array;
  readonly #now: () => number;
  readonly #icmp = new IcmpResponder();
  /** By worker number; undefined where there is none. */
  readonly #workers: (WorkerPort | undefined)[] = [];
  readonly #flowEnded = (entry: number, generation: number): void => {
    this.#table.endFlow(entry, generation, this.#tick);
  };
  // One view, key and hash a packet of the burst, one verdict, and one key for its source.
  readonly #views = Array.from({ length: BURST_PACKETS }, () => new PacketView());
  readonly #keys = new Int32Array(BURST_PACKETS * KEY_WORDS);
  readonly #hashes = new Int32Array(BURST_PACKETS);
  readonly #verdicts = new Int32Array(BURST_PACKETS);
  readonly #sourceKey = new Int32Array(KEY_WORDS);
  /** The clock as the flow table has it: milliseconds, 32 bits. */
  #tick = 0;
  /** When the last slice of the sweep was. */
  #agedTick = 0;

  constructor(options: DirectorOptions) {
    this.#links = options.links;
    this.#burst = new Burst(options.pool);
    this.#heldSlots = new HeldSlots(options.pool.slotCount, this.#burst.freeSlots);
    this.#table = options.flowTable;
    this.#ageing = new Ageing(options.flowTable);
    this.#board = options.loadBoard;
    this.#policy = options.policy;
    this.#seed = options.seed;
    this.#own = new OwnAddresses(options.addresses);
    this.#datagramPort = options.datagramPort;
    this.#masks = createAffinityMasks(options.affinityPrefix4, options.affinityPrefix6);
    this.#now = options.now;
  }

  /** Begins to use a worker's rings; the load board says when it may get flows. */
  addWorker(worker: number, rings: WorkerRings): void {
    this.#workers[worker] = new WorkerPort(worker, rings);
  }

  /** Forgets a worker whose thread has ended: its slots come back, its flows and sources are free for other workers. */
  removeWorker(worker: number): void {
    const port = this.#workers[worker];
    port?.collect(this.#heldSlots, this.#flowEnded);
    port?.transmit.cancelWait();
    this.#workers[worker] = undefined;
    this.#heldSlots.giveBackAll(worker);
    this.#table.removeWorker(worker, this.#tick);
  }

  /** Free slots of the packet pool. */
  get freeSlots(): number {
    return this.#burst.freeSlots.count;
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
    for (const link of this.#links) link.wait(wake);
    if (this.#links.some((link) => link.egressPlan.kind === "ring")) {
      for (const worker of this.#workers) worker?.transmit.wait(wake);
    }
  }

  /** Lets go of pending waits. */
  close(): void {
    for (const worker of this.#workers) worker?.transmit.cancelWait();
  }

  #receiveFrom(link: number): number {
    const burst = this.#burst;
    this.#links[link]!.receive(burst);
    if (burst.count === 0) return 0;
    this.#classify();
    // The table's lines are fetched side by side before they are needed one after the other.
    this.#table.touchLines(this.#hashes, burst.count);
    for (let i = 0; i < burst.count; i++) {
      if (this.#verdicts[i] === PARSE_OK) this.#verdicts[i] = this.#direct(i, link);
      const verdict = this.#verdicts[i]!;
      this.counters.add(verdict);
      if (!isForwarded(verdict)) burst.freeSlots.release(burst.slots[i]!);
    }
    for (let worker = 0; worker < this.#workers.length; worker++) this.#workers[worker]?.publish();
    return burst.count;
  }

  /** Parses and hashes the whole burst. */
  #classify(): void {
    const { pool, slots, lengths, checksumTrusted, count } = this.#burst;
    for (let i = 0; i < count; i++) {
      const view = this.#views[i]!;
      const offset = pool.packetOffset(slots[i]!);
      const fault = parsePacket(pool.bytes, pool.halves, offset, lengths[i]!, checksumTrusted[i]!, view);
      this.#verdicts[i] = fault;
      if (fault !== PARSE_OK) continue;
      const at = i * KEY_WORDS;
      writeFlowKey(
        pool.words,
        pool.bytes,
        view.sourceOffset,
        view.destinationOffset,
        view.l4Offset,
        view.ipVersion,
        view.protocol,
        this.#keys,
        at,
      );
      this.#hashes[i] = hashKey(this.#seed, this.#keys, at);
    }
  }

  /** Decides where packet `i` of the burst goes, and sends it there. Returns the verdict. */
  #direct(i: number, link: number): number {
    const view = this.#views[i]!;
    const at = i * KEY_WORDS;
    const { pool } = this.#burst;
    if (!this.#own.has(this.#keys, at + KEY_DESTINATION, view.ipVersion)) return VERDICT_NOT_OURS;
    if (view.protocol === PROTOCOL_TCP) {
      const flow = this.#table.lookupFlow(this.#keys, at, this.#hashes[i]!);
      if (flow !== NO_ENTRY && this.#table.followTcp(flow, view.tcpFlags, this.#tick)) {
        return this.#push(i, link, flow, VERDICT_FLOW_HIT);
      }
      if ((view.tcpFlags & RST) !== 0) return VERDICT_STRAY_RESET;
      return this.#beginFlow(i, link);
    }
    if (view.protocol !== PROTOCOL_UDP) {
      return this.#icmp.answer(pool, view, this.#links[link]!, this.#tick);
    }
    if (this.#datagramPort !== 0 && view.destinationPort !== this.#datagramPort) {
      return this.#icmp.portUnreachable(pool, view, this.#links[link]!, this.#tick);
    }
    const flow = this.#table.lookupFlow(this.#keys, at, this.#hashes[i]!);
    if (flow === NO_ENTRY) return this.#beginFlow(i, link);
    this.#table.touch(flow, this.#tick);
    return this.#push(i, link, flow, VERDICT_FLOW_HIT);
  }

  /** A packet of no flow that we know: to the worker of its source, or to the one that the policy chooses. */
  #beginFlow(i: number, link: number): number {
    const table = this.#table;
    const at = i * KEY_WORDS;
    writeSourceKey(this.#keys, at, this.#masks, this.#sourceKey, 0);
    const sourceHash = hashKey(this.#seed, this.#sourceKey, 0);
    let source = table.lookupSource(this.#sourceKey, 0, sourceHash, this.#tick);
    let worker = source === NO_ENTRY ? -1 : table.workerOf(source);
    let verdict = VERDICT_NEW_FLOW;
    if (worker < 0 || this.#board.get(worker, BOARD_STATE) !== WORKER_SERVING) {
      worker = this.#policy(this.#board, this.#workers.length, sourceHash >>> 0);
      if (worker < 0) return VERDICT_NO_WORKER;
      if (source === NO_ENTRY)
        source = table.insertSource(this.#sourceKey, 0, sourceHash, worker, this.#tick);
      else table.repinSource(source, worker);
      verdict = VERDICT_NEW_SOURCE;
    }
    const state = firstState(this.#views[i]!.protocol);
    const flow = table.insertFlow(this.#keys, at, this.#hashes[i]!, worker, source, state, this.#tick);
    return flow === NO_ENTRY ? VERDICT_TABLE_FULL : this.#push(i, link, flow, verdict);
  }

  #push(i: number, link: number, flow: number, verdict: number): number {
    const worker = this.#table.workerOf(flow);
    const port = this.#workers[worker];
    if (port === undefined) return VERDICT_NO_WORKER;
    const slot = this.#burst.slots[i]!;
    const generation = this.#table.generationOf(flow);
    if (!port.push(slot, this.#views[i]!, link, flow, generation, this.#hashes[i]!)) return VERDICT_RING_FULL;
    this.#heldSlots.hand(slot, worker);
    return verdict;
  }

  /** A slice of the sweep, as large as the time since the last one makes due. */
  #age(): void {
    const elapsedMs = (this.#tick - this.#agedTick) | 0;
    const slots = Math.floor((elapsedMs * this.#table.capacity) / AGEING_ROUND_MS);
    if (slots < AGEING_MIN_SLOTS) return;
    this.#agedTick = this.#tick;
    this.#ageing.age(this.#tick, Math.min(slots, AGEING_MAX_SLOTS));
  }

  /** Slots and ended flows that workers have given back. */
  #collect(): void {
    for (let worker = 0; worker < this.#workers.length; worker++) {
      this.#workers[worker]?.collect(this.#heldSlots, this.#flowEnded);
    }
  }

  /** Packets of workers that cannot write to the link themselves. */
  #transmit(): void {
    for (let worker = 0; worker < this.#workers.length; worker++) {
      const ring = this.#workers[worker]?.transmit;
      if (ring === undefined) continue;
      let any = false;
      while (ring.next()) {
        any = true;
        this.#links[ring.link]?.transmit(ring.bytes, ring.offset, ring.length);
      }
      if (any) ring.release();
    }
  }
}
