// The director's part in relayed connections: gives each a worker by the same table and policies as packets, and passes its
// events on, to the worker and back. Knows nothing of sockets. What always holds: a connection's events reach the one
// worker that it was placed with, in order; an event of a worker reaches only connections that are that worker's.

import { NO_ENTRY, STATE_DATAGRAM, STATE_ESTABLISHED } from "../flow/flow-entry.js";
import { KEY_WORDS, writeFlowKey } from "../flow/flow-key.js";
import type { FlowTable } from "../flow/flow-table.js";
import { type Burst, connectionIndex, MAX_CONNECTIONS, type RelayLink } from "../link/link.js";
import {
  EVENT_CREDIT,
  EVENT_DATA,
  EVENT_DATAGRAM,
  EVENT_OPEN,
  EVENT_RESET,
  NO_SLOT,
} from "../memory/descriptor.js";
import type { HeldSlots } from "../memory/packet-pool.js";
import type { TransmitConsumer } from "../memory/transmit-ring.js";
import { PEER_DESTINATION, PEER_IP_VERSION, PEER_PORTS } from "../wire/peer-block.js";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocols.js";
import type { Placement } from "./placement.js";
import { UNCOUNTED, VERDICT_FLOW_HIT, VERDICT_NO_WORKER, VERDICT_STRAY_RESET } from "./verdict.js";
import type { WorkerPort } from "./worker-port.js";

const NO_CONNECTION = -1;

export interface RelayParts {
  readonly link: RelayLink;
  /** The link's number. */
  readonly linkNumber: number;
  readonly burst: Burst;
  readonly heldSlots: HeldSlots;
  readonly flowTable: FlowTable;
  readonly placement: Placement;
  /** By worker number; the director keeps it. */
  readonly workers: readonly (WorkerPort | undefined)[];
}

export class Relay {
  readonly #parts: RelayParts;
  // By the connection's place: which connection it is, its worker, its flow's entry and that entry's generation.
  readonly #connections = new Int32Array(MAX_CONNECTIONS).fill(NO_CONNECTION);
  readonly #workers = new Uint8Array(MAX_CONNECTIONS);
  readonly #flows = new Int32Array(MAX_CONNECTIONS);
  readonly #generations = new Int32Array(MAX_CONNECTIONS);
  readonly #key = new Int32Array(KEY_WORDS);

  constructor(parts: RelayParts) {
    this.#parts = parts;
  }

  /** Passes event `i` of the burst on at tick `tick`. Returns the verdict; UNCOUNTED for what carries nothing of a client. */
  forward(i: number, tick: number): number {
    const { burst } = this.#parts;
    const event = burst.events[i]!;
    if (event === EVENT_OPEN) return this.#open(i, tick);
    if (event === EVENT_DATAGRAM) return this.#datagram(i, tick);
    const connection = burst.connections[i]!;
    const index = connectionIndex(connection);
    // Gone before it was placed.
    if (this.#connections[index] !== connection)
      return event === EVENT_DATA ? VERDICT_STRAY_RESET : UNCOUNTED;
    const worker = this.#workers[index]!;
    if (event === EVENT_RESET) {
      this.#connections[index] = NO_CONNECTION;
      this.#endFlow(index, tick);
    } else if ((event === EVENT_DATA || event === EVENT_CREDIT) && this.#holdsFlow(index)) {
      // The client has sent, or taken, something.
      this.#parts.flowTable.touch(this.#flows[index]!, tick);
    }
    if (!this.#push(i, worker)) return event === EVENT_DATA ? VERDICT_NO_WORKER : UNCOUNTED;
    return event === EVENT_DATA ? VERDICT_FLOW_HIT : UNCOUNTED;
  }

  /** Does to the link what an event of the worker says. */
  deliver(worker: number, record: TransmitConsumer): void {
    const { event, connection, value, bytes, offset, length } = record;
    if (event !== EVENT_DATAGRAM) {
      const index = connectionIndex(connection);
      if (this.#connections[index] !== connection || this.#workers[index] !== worker) return;
    }
    this.#parts.link.deliver(event, connection, value, bytes, offset, length);
  }

  /** Ends the connections of a worker that is gone: their clients see a reset, and come again. */
  resetWorker(worker: number, tick: number): void {
    for (let index = 0; index < MAX_CONNECTIONS; index++) {
      if (this.#connections[index] === NO_CONNECTION || this.#workers[index] !== worker) continue;
      this.#reset(index, tick);
    }
  }

  /** Ends the connection whose flow has this entry, if it is a relayed one's. Returns whether it was. */
  resetFlow(flow: number, tick: number): boolean {
    for (let index = 0; index < MAX_CONNECTIONS; index++) {
      if (this.#connections[index] === NO_CONNECTION || this.#flows[index] !== flow) continue;
      if (!this.#holdsFlow(index)) continue;
      this.#reset(index, tick);
      return true;
    }
    return false;
  }

  #reset(index: number, tick: number): void {
    const connection = this.#connections[index]!;
    this.#endFlow(index, tick);
    // Its worker, if there still is one, hears of it from the link.
    this.#parts.link.deliver(EVENT_RESET, connection, 0, EMPTY, 0, 0);
  }

  #open(i: number, tick: number): number {
    const { burst, link, flowTable, placement } = this.#parts;
    const connection = burst.connections[i]!;
    const flow = this.#begin(i, PROTOCOL_TCP, STATE_ESTABLISHED, tick);
    if (flow === NO_ENTRY) {
      if (placement.verdict === VERDICT_NO_WORKER) link.postpone(connection);
      else link.deliver(EVENT_RESET, connection, 0, EMPTY, 0, 0);
      return placement.verdict;
    }
    const index = connectionIndex(connection);
    const worker = flowTable.workerOf(flow);
    this.#connections[index] = connection;
    this.#workers[index] = worker;
    this.#flows[index] = flow;
    this.#generations[index] = flowTable.generationOf(flow);
    const { verdict } = placement;
    if (this.#push(i, worker)) {
      link.accept(connection);
      return verdict;
    }
    // The board says that the worker serves, and it is gone.
    this.#reset(index, tick);
    return VERDICT_NO_WORKER;
  }

  #datagram(i: number, tick: number): number {
    const { placement, flowTable } = this.#parts;
    const flow = this.#begin(i, PROTOCOL_UDP, STATE_DATAGRAM, tick);
    if (flow === NO_ENTRY) return placement.verdict;
    const { verdict } = placement;
    return this.#push(i, flowTable.workerOf(flow)) ? verdict : VERDICT_NO_WORKER;
  }

  /** The flow of the peers in the event's slot: for UDP the one that is there; a TCP one that is there is a dead one's. */
  #begin(i: number, protocol: number, state: number, tick: number): number {
    const { burst, flowTable, placement } = this.#parts;
    const { pool } = burst;
    const at = pool.packetOffset(burst.slots[i]!);
    const version = pool.bytes[at + PEER_IP_VERSION]!;
    const ports = at + PEER_PORTS;
    writeFlowKey(pool.words, pool.bytes, at, at + PEER_DESTINATION, ports, version, protocol, this.#key, 0);
    const hash = placement.hashOf(this.#key, 0);
    const flow = flowTable.lookupFlow(this.#key, 0, hash);
    if (flow !== NO_ENTRY && protocol === PROTOCOL_UDP) {
      flowTable.touch(flow, tick);
      placement.verdict = VERDICT_FLOW_HIT;
      return flow;
    }
    if (flow !== NO_ENTRY) flowTable.endFlow(flow, flowTable.generationOf(flow), tick);
    return placement.begin(this.#key, 0, hash, state, tick);
  }

  #push(i: number, worker: number): boolean {
    const { burst, heldSlots, linkNumber, workers } = this.#parts;
    const port = workers[worker];
    if (port === undefined) return false;
    const slot = burst.slots[i]!;
    port.pushEvent(burst.events[i]!, linkNumber, burst.connections[i]!, slot, burst.lengths[i]!);
    if (slot !== NO_SLOT) heldSlots.hand(slot, worker);
    return true;
  }

  #endFlow(index: number, tick: number): void {
    if (this.#holdsFlow(index)) {
      this.#parts.flowTable.endFlow(this.#flows[index]!, this.#generations[index]!, tick);
    }
  }

  /** False once the flow has been evicted. */
  #holdsFlow(index: number): boolean {
    return this.#parts.flowTable.generationOf(this.#flows[index]!) === this.#generations[index];
  }
}

const EMPTY = new Uint8Array(0);
