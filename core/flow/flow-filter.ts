// Which entries of the flow table people mean: a filter in words, checked and compiled once. What an entry's kind word can
// tell becomes one mask and one comparison, addresses become words and masks, so that an entry that does not fit costs a
// few loads and no allocation. Must not know how a table is walked, nor what is done with what fits.

import { MAX_WORKERS } from "../memory/load-board.js";
import { type Prefix, parseAddress, parsePrefix } from "../wire/address.js";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocols.js";
import {
  KIND_STATE_MASK,
  KIND_STATE_SHIFT,
  KIND_WORKER_SHIFT,
  SLOT_KEY,
  SLOT_KIND,
  SLOT_SHIFT,
  STATE_CLOSING,
  STATE_DATAGRAM,
  STATE_ESTABLISHED,
  STATE_OPENING,
  STATE_SOURCE,
} from "./flow-entry.js";
import { KEY_DESTINATION, KEY_KIND_SOURCE, KEY_PORTS, KEY_SOURCE } from "./flow-key.js";
import { idleMs } from "./flow-timeouts.js";

/** Names of the states, by which people ask. */
export const FLOW_STATES = {
  opening: STATE_OPENING,
  established: STATE_ESTABLISHED,
  closing: STATE_CLOSING,
  datagram: STATE_DATAGRAM,
  source: STATE_SOURCE,
} as const;
export type FlowStateName = keyof typeof FLOW_STATES;

export const FLOW_PROTOCOLS = { tcp: PROTOCOL_TCP, udp: PROTOCOL_UDP } as const;
export type FlowProtocolName = keyof typeof FLOW_PROTOCOLS;

export const FLOW_KINDS = ["flow", "source"] as const;
export type FlowKind = (typeof FLOW_KINDS)[number];

/** What entries must be, all of it; without anything, every entry fits. */
export interface FlowFilter {
  readonly kind?: FlowKind;
  /** Number of the worker that holds the flow, or that the source is pinned to. */
  readonly worker?: number;
  readonly state?: FlowStateName;
  /** Sources have no protocol, destination or ports: where one of these is asked for, only flows fit. */
  readonly protocol?: FlowProtocolName;
  /** The client's address, or a prefix that it is in, like "198.18.0.0/24". Source entries fit that share addresses with it. */
  readonly source?: string;
  /** The farm's address, or a prefix that it is in. */
  readonly destination?: string;
  /** Port on either side. */
  readonly port?: number;
  /** Seconds since the last packet (sources: since a flow began or ended), or more. */
  readonly minIdleSeconds?: number;
}

/** A filter that cannot be; the message is one sentence that names the part and what it takes. */
export class FlowFilterError extends Error {
  override readonly name = "FlowFilterError";
  readonly code = "invalid_flow_filter";
}

/** Longest idle time that ticks can tell, in seconds: half their circle. */
const MAX_IDLE_SECONDS = Math.floor((2 ** 31 - 1) / 1000);

/** Address words and the bits of them that count; `sourceMask` is for source entries, which may know fewer bits. */
interface AddressFilter {
  readonly version: 4 | 6;
  readonly words: Int32Array;
  readonly flowMask: Int32Array;
  readonly sourceMask: Int32Array;
}

export interface CompiledFilter {
  /** An entry can fit if `(kind word & kindMask) === kindValue`. */
  readonly kindMask: number;
  readonly kindValue: number;
  readonly source: AddressFilter | undefined;
  readonly destination: AddressFilter | undefined;
  /** -1: any. */
  readonly port: number;
  /** -1: any. */
  readonly minIdleMs: number;
}

export const KIND_VERSION_SHIFT = 8;
export const KIND_VERSION_MASK = 0xf;
export const KIND_PROTOCOL_MASK = 0xff;

/** How many bits of an address make a source, which is how much of one a source entry knows. */
export interface AffinityPrefixes {
  /** 0 … 32. */
  readonly ipv4: number;
  /** 0 … 128. */
  readonly ipv6: number;
}

/** @throws FlowFilterError that names the part which is not what it takes. */
export function compileFilter(filter: FlowFilter, affinity: AffinityPrefixes): CompiledFilter {
  checkParts(filter);
  const { kind, worker, state, protocol, port, minIdleSeconds } = filter;
  const source = compileAddress("source", filter.source, affinity);
  const destination = compileAddress("destination", filter.destination, affinity);
  let mask = 0;
  let value = 0;
  let isPossible = true;
  const demand = (bits: number, wanted: number): void => {
    // Two demands on the same bits that differ (addresses of two versions) cannot both be met: then no entry fits.
    if ((value & mask & bits) !== (wanted & mask & bits)) isPossible = false;
    mask |= bits;
    value |= wanted;
  };
  if (kind !== undefined) demand(KEY_KIND_SOURCE, kind === "source" ? KEY_KIND_SOURCE : 0);
  if (worker !== undefined) demand(0xff << KIND_WORKER_SHIFT, worker << KIND_WORKER_SHIFT);
  if (state !== undefined)
    demand(KIND_STATE_MASK << KIND_STATE_SHIFT, FLOW_STATES[state] << KIND_STATE_SHIFT);
  if (protocol !== undefined) demand(KIND_PROTOCOL_MASK, FLOW_PROTOCOLS[protocol]);
  if (destination !== undefined || port !== undefined) demand(KEY_KIND_SOURCE, 0);
  for (const address of [source, destination]) {
    if (address === undefined) continue;
    demand(KIND_VERSION_MASK << KIND_VERSION_SHIFT, address.version << KIND_VERSION_SHIFT);
  }
  return {
    kindMask: isPossible ? mask : 0,
    // A word under an empty mask is 0, never this.
    kindValue: isPossible ? value : -1,
    source,
    destination,
    port: port ?? -1,
    minIdleMs: minIdleSeconds === undefined ? -1 : minIdleSeconds * 1000,
  };
}

/** Whether there is an entry in slot `entry`, and it fits at tick `now`. `bytes` is a view of the same memory as `words`. */
export function fitsFilter(
  filter: CompiledFilter,
  words: Int32Array,
  bytes: Uint8Array,
  entry: number,
  now: number,
): boolean {
  const base = entry << SLOT_SHIFT;
  const kindWord = words[base + SLOT_KIND]!;
  if (kindWord === 0 || (kindWord & filter.kindMask) !== filter.kindValue) return false;
  const { source, destination, port, minIdleMs } = filter;
  const key = base + SLOT_KEY;
  if (source !== undefined) {
    const mask = (kindWord & KEY_KIND_SOURCE) !== 0 ? source.sourceMask : source.flowMask;
    if (!isWithin(words, key + KEY_SOURCE, source.words, mask)) return false;
  }
  if (
    destination !== undefined &&
    !isWithin(words, key + KEY_DESTINATION, destination.words, destination.flowMask)
  ) {
    return false;
  }
  if (port >= 0) {
    const ports = (key + KEY_PORTS) * 4;
    if (portAt(bytes, ports) !== port && portAt(bytes, ports + 2) !== port) return false;
  }
  return minIdleMs < 0 || idleMs(words, base, now) >= minIdleMs;
}

function compileAddress(
  name: string,
  text: string | undefined,
  affinity: AffinityPrefixes,
): AddressFilter | undefined {
  if (text === undefined) return undefined;
  const prefix = prefixOf(text);
  if (prefix === undefined) {
    throw filterError(name, text, "an address or a prefix, like 198.18.0.7 or 198.18.0.0/24");
  }
  const version = prefix.address.length === 4 ? 4 : 6;
  // As in keys: bytes in network order, whatever the machine, and 0 where IPv4 has none.
  const bytes = new Uint8Array(16);
  bytes.set(prefix.address);
  return {
    version,
    words: new Int32Array(bytes.buffer),
    flowMask: maskOf(prefix.prefixBits),
    sourceMask: maskOf(Math.min(prefix.prefixBits, version === 4 ? affinity.ipv4 : affinity.ipv6)),
  };
}

/** An address alone is a prefix of all its bits. */
function prefixOf(text: unknown): Prefix | undefined {
  if (typeof text !== "string") return undefined;
  const address = parseAddress(text);
  return address === undefined ? parsePrefix(text) : { address, prefixBits: address.length * 8 };
}

/** Four words whose first `prefixBits` bits, in network order, are ones. */
function maskOf(prefixBits: number): Int32Array {
  const bytes = new Uint8Array(16);
  for (let bit = 0; bit < prefixBits; bit++) bytes[bit >>> 3]! |= 0x80 >>> (bit & 7);
  return new Int32Array(bytes.buffer);
}

function isWithin(words: Int32Array, at: number, wanted: Int32Array, mask: Int32Array): boolean {
  for (let i = 0; i < 4; i++) {
    if (((words[at + i]! ^ wanted[i]!) & mask[i]!) !== 0) return false;
  }
  return true;
}

/** The port at `offset`, in network order. */
export function portAt(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

function checkParts(filter: FlowFilter): void {
  const { kind, worker, state, protocol, port, minIdleSeconds } = filter;
  check("kind", kind, kind === undefined || FLOW_KINDS.includes(kind), FLOW_KINDS.join(" or "));
  check("worker", worker, isWhole(worker, 0, MAX_WORKERS - 1), `a number from 0 to ${MAX_WORKERS - 1}`);
  check("state", state, isKey(FLOW_STATES, state), `one of ${Object.keys(FLOW_STATES).join(", ")}`);
  check("protocol", protocol, isKey(FLOW_PROTOCOLS, protocol), Object.keys(FLOW_PROTOCOLS).join(" or "));
  check("port", port, isWhole(port, 0, 65_535), "a number from 0 to 65535");
  const isIdleTime =
    minIdleSeconds === undefined || (minIdleSeconds >= 0 && minIdleSeconds <= MAX_IDLE_SECONDS);
  check("minIdleSeconds", minIdleSeconds, isIdleTime, `a number from 0 to ${MAX_IDLE_SECONDS}`);
}

function isWhole(value: number | undefined, from: number, to: number): boolean {
  return value === undefined || (Number.isInteger(value) && value >= from && value <= to);
}

function isKey(table: object, value: string | undefined): boolean {
  return value === undefined || Object.hasOwn(table, value);
}

function check(name: string, value: unknown, isRight: boolean, takes: string): void {
  if (!isRight) throw filterError(name, value, takes);
}

function filterError(name: string, value: unknown, takes: string): FlowFilterError {
  const text = JSON.stringify(value) ?? String(value);
  return new FlowFilterError(
    `${name} takes ${takes}, not ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`,
  );
}
