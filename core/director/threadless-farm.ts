// A farm without threads: the director as it is, with its flow table, load board, policies and rings, and stand-ins for the workers,
// which take every descriptor and give its slot back. For what is to be measured or repeated exactly: a replay of a capture, the
// `dispatch` benchmark. Nothing here allocates for a packet.

import type { FlowObserver, FlowTable } from "../flow/flow-table.js";
import { countOnBoard } from "../flow/load-observer.js";
import { Counters } from "../memory/counters.js";
import {
  DESCRIPTOR_FLOW,
  DESCRIPTOR_GENERATION,
  DESCRIPTOR_LENGTHS,
  DESCRIPTOR_SLOT,
  RETURN_SLOT,
} from "../memory/descriptor.js";
import {
  allocateLoadBoard,
  BOARD_STATE,
  BOARD_WEIGHT,
  FULL_WEIGHT,
  LoadBoard,
  WORKER_SERVING,
} from "../memory/load-board.js";
import { PacketPool, slotsOf } from "../memory/packet-pool.js";
import { RingConsumer, RingProducer } from "../memory/ring.js";
import { SYN, TCP_FLAGS_OFFSET } from "../wire/tcp.js";
import { Director, type DirectorOptions } from "./director.js";
import { allocateWorkerRings, type WorkerRings } from "./worker-port.js";

/** Words of a transmit ring that nobody writes to. */
const TRANSMIT_WORDS = 256;

/** What a worker was given: packets and their bytes, flows that began with it, sources that were pinned to it. */
const GIVEN = ["packets", "bytes", "flows", "sources"] as const;
const GIVEN_PACKETS = GIVEN.indexOf("packets");
const GIVEN_BYTES = GIVEN.indexOf("bytes");
const GIVEN_FLOWS = GIVEN.indexOf("flows");
const GIVEN_SOURCES = GIVEN.indexOf("sources");

type OptionsOfDirector = Omit<DirectorOptions, "flowTable" | "loadBoard">;

export interface ThreadlessFarmOptions extends OptionsOfDirector {
  readonly workers: number;
  /** Packets that may wait for one worker. */
  readonly ringPackets: number;
  /** Makes the flow table, given who is to be told of what becomes of its flows. */
  readonly createFlowTable: (observer: FlowObserver) => FlowTable;
}

export class ThreadlessFarm {
  readonly director: Director;
  readonly flowTable: FlowTable;
  readonly board = new LoadBoard(allocateLoadBoard());
  /** By worker number: what each was given since the beginning. Its packets are those that it has taken. */
  readonly given: readonly Counters<(typeof GIVEN)[number]>[];
  readonly #standIns: readonly StandIn[];

  constructor(options: ThreadlessFarmOptions) {
    const { workers, ringPackets, pool } = options;
    const { board } = this;
    this.given = Array.from({ length: workers }, () => new Counters(GIVEN));
    const { given } = this;
    const onBoard = countOnBoard(board);
    this.flowTable = options.createFlowTable({
      ...onBoard,
      flowStarted(worker) {
        onBoard.flowStarted(worker);
        given[worker]!.add(GIVEN_FLOWS);
      },
      sourceStarted(worker) {
        onBoard.sourceStarted(worker);
        given[worker]!.add(GIVEN_SOURCES);
      },
    });
    this.director = new Director({ ...options, flowTable: this.flowTable, loadBoard: board });
    this.#standIns = this.given.map((counters, worker) => {
      const rings = allocateWorkerRings(ringPackets, slotsOf(pool), TRANSMIT_WORDS);
      this.director.addWorker(worker, rings);
      board.set(worker, BOARD_WEIGHT, FULL_WEIGHT);
      board.set(worker, BOARD_STATE, WORKER_SERVING);
      return new StandIn(rings, counters, new PacketPool(pool));
    });
  }

  /** One turn of the director, and of all workers. Returns packets received. */
  turn(): number {
    const packets = this.director.turn();
    this.drain(false);
    return packets;
  }

  /** The workers' part of a turn: takes what they were given. With `endsFlows` a flow that a SYN begins ends with it. */
  drain(endsFlows: boolean): void {
    for (const standIn of this.#standIns) standIn.drain(endsFlows);
  }
}

class StandIn {
  readonly #descriptors: RingConsumer;
  readonly #returns: RingProducer;
  readonly #given: Counters<(typeof GIVEN)[number]>;
  readonly #pool: PacketPool;

  constructor(rings: WorkerRings, given: Counters<(typeof GIVEN)[number]>, pool: PacketPool) {
    this.#pool = pool;
    this.#descriptors = new RingConsumer(rings.descriptors);
    this.#returns = new RingProducer(rings.returns);
    this.#given = given;
  }

  drain(endsFlows: boolean): void {
    const { words } = this.#descriptors;
    let packets = 0;
    let bytes = 0;
    for (let at = this.#descriptors.peek(); at >= 0; at = this.#descriptors.peek()) {
      packets++;
      const lengths = words[at + DESCRIPTOR_LENGTHS]!;
      bytes += lengths & 0xffff;
      if (endsFlows && this.#isSyn(words[at + DESCRIPTOR_SLOT]!, lengths >>> 16))
        this.#return(words[at + DESCRIPTOR_FLOW]!, words[at + DESCRIPTOR_GENERATION]!);
      this.#return(words[at + DESCRIPTOR_SLOT]!, RETURN_SLOT);
      this.#descriptors.advance();
    }
    if (packets === 0) return;
    this.#given.add(GIVEN_PACKETS, packets);
    this.#given.add(GIVEN_BYTES, bytes);
    this.#descriptors.release();
    this.#returns.publish();
  }

  #isSyn(slot: number, l4Offset: number): boolean {
    return (this.#pool.bytes[this.#pool.packetOffset(slot) + l4Offset + TCP_FLAGS_OFFSET]! & SYN) !== 0;
  }

  #return(first: number, second: number): void {
    // There is always room: the ring takes every slot, and half as many flows, and is emptied each turn.
    const at = this.#returns.reserve();
    this.#returns.words[at] = first;
    this.#returns.words[at + 1] = second;
    this.#returns.commit();
  }
}
