// The kinds of traffic that the packet path is measured under, as schedules of packets, and what the director must make of them.

import type { Verdict } from "../../core/director/verdict.js";
import { PROBE_SLOTS } from "../../core/flow/flow-entry.js";
import { hashKey, seedFrom } from "../../core/flow/flow-hash.js";
import { KEY_DESTINATION, KEY_KIND, KEY_PORTS, KEY_SOURCE, KEY_WORDS } from "../../core/flow/flow-key.js";
import { PROTOCOL_TCP } from "../../core/wire/protocols.js";
import {
  ACK_40,
  ACK_64,
  ACK_576,
  ACK_1500,
  FLOWS_PER_SOURCE,
  PacketSchedule,
  SYN_40,
  SYN_64,
} from "./numbered-flows.js";
import { type Random, zipf } from "./random.js";

export const TRAFFIC = ["hit", "one", "mix", "new", "flood", "attack", "collide", "collide-known"] as const;
/**
 * "hit": packets of resident flows, all of them, all over the table. "one": of a single one. "mix": of 64, 576 and 1500 bytes, 7:4:1, of
 * resident flows whose sources are as likely as Zipf's law says, and one in twenty begins a flow, which ends again. "new": each
 * packet the SYN of a flow that is not there, and ends again, beside the resident ones. "flood": the same SYNs where too many flows are
 * half open, so that none begins. "attack": SYNs of sources that are never seen again, where there is no such limit: each begins flow and
 * source, in a table that is full of others like them. "collide": packets of flows that were chosen so that all of them would
 * have one place in the table if the seed were 0. "collide-known": the same where it is.
 */
export type Traffic = (typeof TRAFFIC)[number];

export interface TrafficKind {
  /** What each packet must become. */
  readonly expected: readonly Verdict[];
  /** Flows that begin end again at once. */
  readonly endsFlows: boolean;
  readonly maxOpeningFlows: number;
  /** The seed of the flow hash where it is not the one that was asked for. */
  readonly seed?: number;
  schedule(size: TableSize, random: Random): PacketSchedule;
}

const HITS: Omit<TrafficKind, "schedule"> = {
  expected: ["flow-hit"],
  endsFlows: false,
  maxOpeningFlows: Number.POSITIVE_INFINITY,
};
/** The seed that somebody believes in who has chosen the flows of "collide". */
const BELIEVED_SEED = 0;

export const TRAFFIC_KINDS: Readonly<Record<Traffic, TrafficKind>> = {
  hit: { ...HITS, schedule: ({ flows }) => allOf(0, flows, ACK_40) },
  one: { ...HITS, schedule: () => allOf(0, 1, ACK_40) },
  mix: {
    expected: ["flow-hit", "new-flow", "new-source"],
    endsFlows: true,
    maxOpeningFlows: Number.POSITIVE_INFINITY,
    schedule: mixed,
  },
  new: {
    expected: ["new-flow", "new-source"],
    endsFlows: true,
    maxOpeningFlows: Number.POSITIVE_INFINITY,
    schedule: ({ firstStranger, strangers }) => allOf(firstStranger, strangers, SYN_40),
  },
  flood: {
    expected: ["syn-cookie"],
    endsFlows: false,
    maxOpeningFlows: 0,
    schedule: ({ firstStranger, strangers }) => allOf(firstStranger, strangers, SYN_40),
  },
  attack: {
    expected: ["new-source"],
    endsFlows: false,
    maxOpeningFlows: Number.POSITIVE_INFINITY,
    schedule: neverSeenAgain,
  },
  collide: { ...HITS, schedule: ({ chosen }) => chosen() },
  "collide-known": {
    ...HITS,
    // Where an entry of somebody else is among them, one of them displaces another.
    expected: ["flow-hit", "new-flow", "new-source"],
    seed: BELIEVED_SEED,
    schedule: ({ chosen }) => chosen(),
  },
};

/** Fewest flows that begin and end in turn: more than a burst holds, or one would begin before it has ended. */
const FEWEST_STRANGERS = 1024;

/** A table with its resident flows, numbers 0 … `flows - 1`. */
export class TableSize {
  readonly flows: number;
  /** Twice the flows, at least: there are their sources too, and what comes besides. */
  readonly entries: number;
  /** Flows that are not resident, and share no source with those that are. */
  readonly firstStranger: number;
  readonly strangers: number;
  #chosen: PacketSchedule | undefined;

  constructor(flows: number) {
    this.flows = flows;
    this.entries = Math.max(1024, 2 ** Math.ceil(Math.log2(2 * flows)));
    this.firstStranger = Math.ceil(flows / FLOWS_PER_SOURCE) * FLOWS_PER_SOURCE;
    this.strangers = Math.max(FEWEST_STRANGERS, flows);
  }

  /** Packets of as many flows as one place of the table can have. Looked for once: it takes seconds for a large table. */
  readonly chosen = (): PacketSchedule => {
    this.#chosen ??= chosenFlows(this.entries);
    return this.#chosen;
  };
}

/**
 * All flows `first` … `first + flows - 1`, once each, and all over the table: one step goes on by a number without a common divisor,
 * near the golden ratio of the flows.
 */
function allOf(first: number, flows: number, shape: number): PacketSchedule {
  const schedule = new PacketSchedule(flows);
  const stride = coprimeNear(Math.floor(flows * 0.618), flows);
  for (let i = 0, flow = 0; i < flows; i++, flow = (flow + stride) % flows)
    schedule.setFlow(i, first + flow, shape);
  return schedule;
}

function coprimeNear(start: number, n: number): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  let candidate = Math.max(1, start);
  while (gcd(candidate, n) !== 1) candidate++;
  return candidate;
}

const MIXED_PACKETS = 2 ** 20;
/** Packets of each size in twelve, as routers are measured with ("simple IMIX"). */
const MIX = [
  ACK_64,
  ACK_64,
  ACK_64,
  ACK_64,
  ACK_64,
  ACK_64,
  ACK_64,
  ACK_576,
  ACK_576,
  ACK_576,
  ACK_576,
  ACK_1500,
];
/** One packet in so many begins a flow. */
const PACKETS_PER_NEW_FLOW = 20;

function mixed({ flows, firstStranger, strangers }: TableSize, random: Random): PacketSchedule {
  const schedule = new PacketSchedule(MIXED_PACKETS);
  const source = zipf(random, Math.ceil(flows / FLOWS_PER_SOURCE));
  let begun = 0;
  // SYNs are among the small packets.
  const smallPart = MIX.filter((shape) => shape === ACK_64).length / MIX.length;
  const newPart = 1 / PACKETS_PER_NEW_FLOW / smallPart;
  for (let i = 0; i < MIXED_PACKETS; i++) {
    const shape = MIX[random.below(MIX.length)]!;
    if (shape === ACK_64 && random.fraction() < newPart) {
      schedule.setFlow(i, firstStranger + (begun++ % strangers), SYN_64);
      continue;
    }
    const flow = source() * FLOWS_PER_SOURCE + random.below(FLOWS_PER_SOURCE);
    schedule.setFlow(i, Math.min(flow, flows - 1), shape);
  }
  return schedule;
}

const ATTACK_PACKETS = 2 ** 16;
/** Addresses that an attack comes from: 16.0.0.0 …, as many as there are from there to 79.255.255.255, and none of them special. */
const FIRST_ATTACKER = 0x1000_0000;
const ATTACKER_BITS = 30;

function neverSeenAgain(_size: TableSize, random: Random): PacketSchedule {
  // Signed, or the number would be allocated.
  let attacker = random.word() | 0;
  const fill = (schedule: PacketSchedule) => {
    for (let i = 0; i < ATTACK_PACKETS; i++) {
      const scattered = scatter(attacker);
      attacker = (attacker + 1) | 0;
      schedule.set(i, FIRST_ATTACKER + scattered, 1024 + (scattered & 0x7fff), SYN_40);
    }
  };
  const schedule = new PacketSchedule(ATTACK_PACKETS, fill);
  fill(schedule);
  return schedule;
}

/** A number below 2^30 for each such number, no two the same, and none near the next one's: each step can be undone. */
function scatter(n: number): number {
  const mask = 2 ** ATTACKER_BITS - 1;
  let word = Math.imul(n, 0x9e37_79b1) & mask;
  word ^= word >>> 15;
  word = Math.imul(word, 0x85eb_ca6b) & mask;
  return word ^ (word >>> 13);
}

/** Packets of one chosen flow in a row. */
const PACKETS_IN_A_ROW = 4;
const FIRST_CHOSEN = 0x6000_0000;

/** Flows that have home 0 in a table of so many entries under the believed seed: as many as can have it. */
function chosenFlows(entries: number): PacketSchedule {
  const seed = seedFrom(BigInt(BELIEVED_SEED));
  const schedule = new PacketSchedule(PROBE_SLOTS * PACKETS_IN_A_ROW);
  const key = new Int32Array(KEY_WORDS);
  const bytes = new Uint8Array(key.buffer);
  key[KEY_KIND] = PROTOCOL_TCP | (4 << 8);
  bytes.set([198, 18, 0, 1], 4 * KEY_DESTINATION);
  bytes[4 * KEY_PORTS + 3] = 80;
  let found = 0;
  for (let source = FIRST_CHOSEN; found < PROBE_SLOTS; source++) {
    bytes.set([source >>> 24, source >>> 16, source >>> 8, source], 4 * KEY_SOURCE);
    for (let port = 1024; port <= 0xffff && found < PROBE_SLOTS; port++) {
      bytes[4 * KEY_PORTS] = port >>> 8;
      bytes[4 * KEY_PORTS + 1] = port;
      if ((hashKey(seed, key, 0) & (entries - 1)) !== 0) continue;
      for (let i = 0; i < PACKETS_IN_A_ROW; i++)
        schedule.set(found * PACKETS_IN_A_ROW + i, source, port, ACK_40);
      found++;
    }
  }
  return schedule;
}
