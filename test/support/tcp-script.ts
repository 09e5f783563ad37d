// Scripts for the worker's TCP in the manner of packetdrill: segments in, segments expected out, on a virtual clock.
// Sequence numbers in scripts are relative: `seq` to the sender's first (its SYN is 0), `ack` to the other side's.
// The peer's own first number is just below 2^32, so that every script passes over the wrap.

import * as assert from "uvu/assert";
import {
  ACK,
  emitMssOption,
  emitSackOption,
  emitSackPermittedOption,
  emitTimestampsOption,
  emitWindowScaleOption,
  FIN,
  PSH,
  parseTcpSegment,
  RST,
  SYN,
  TcpSegment,
} from "../../core/wire/tcp.js";
import type { CloseReason, StreamConnection, StreamUser } from "../../workers/stream.js";
import type { CongestionName } from "../../workers/tcp/congestion-algorithms.js";
import type { TcpLimits } from "../../workers/tcp/limits.js";
import { TcpStack } from "../../workers/tcp/tcp-stack.js";
import { SimEgress, validate } from "./sim-network.js";
import { buildIcmpError, buildPacket, type Endpoint, type IcmpError, pattern, Slot } from "./tcp-packet.js";

const PEER_ISN = 0xffff_fff0;

/** Data in a full segment without options, over IPv4 and IPv6. */
export const MSS = 1460;
export const MSS_IPV6 = 1440;
/** What timestamps take of it. */
const TIMESTAMPS_BYTES = 12;
/** Full segments in the first congestion window. */
const FIRST_WINDOW_SEGMENTS = 10;

/** Number of the first byte of the full segment with this index, among those sent first. */
export function edge(segment: number): number {
  return 1 + segment * MSS;
}

/** Flags by their letters, in this order: S F R P A. */
const LETTERS: readonly [string, number][] = [
  ["S", SYN],
  ["F", FIN],
  ["R", RST],
  ["P", PSH],
  ["A", ACK],
];

function flagsOf(letters: string): number {
  return LETTERS.reduce((flags, [letter, flag]) => (letters.includes(letter) ? flags | flag : flags), 0);
}

/** A segment as a script writes it. */
export interface ScriptSegment {
  /** Letters of S F R P A. */
  flags: string;
  seq?: number;
  ack?: number;
  /** The field as it stands in the header. */
  win?: number;
  /** Text, or a number of bytes of the script's pattern. */
  data?: string | number;
  mss?: number;
  ws?: number;
  sackOk?: boolean;
  /** Value and echo. */
  ts?: readonly [number, number];
  /** Edges, relative to our first sequence number (what we send: to the peer's). */
  sack?: readonly (readonly [number, number])[];
}

/** What a segment that is expected must be like; what is left out may be anything. `length` is that of its data. */
export type Expected = Partial<ScriptSegment> & { length?: number };

export interface ScriptOptions {
  limits?: Partial<TcpLimits>;
  congestion?: CongestionName;
  /** The device cuts packets (GSO) and does checksums. */
  isCutting?: boolean;
  mtuBytes?: number;
  ipVersion?: 4 | 6;
  secret?: readonly [number, number, number];
  /** Shared with another script, the two stacks prove each other's SYN cookies. */
  cookiePeriod?: SharedArrayBuffer;
}

/** One event that the user saw. */
export type UserEvent = "opened" | "peerClosed" | "drained" | `closed ${CloseReason}`;

export class TcpScript implements StreamUser {
  nowMs = 1000;
  readonly stack: TcpStack;
  readonly egress: SimEgress;
  /** What the user saw, in order, without data. */
  readonly events: UserEvent[] = [];
  readonly ended: [number, number][] = [];
  /** Of these, the flows that no connection came of. */
  readonly vain: number[] = [];
  /** The first 4096 characters of what the user consumed, and how many bytes that was in all. */
  text = "";
  receivedBytes = 0;
  /** Bytes in each call of `received`. */
  readonly given: number[] = [];
  /** How many bytes the user consumes of what it is given. */
  consume: (available: number) => number = (available) => available;
  onReceived: (connection: StreamConnection) => void = () => {};
  onPeerClosed: (connection: StreamConnection) => void = () => {};
  connection: StreamConnection | undefined;
  endpoint: Endpoint;
  flow = 7;
  generation = 1;
  hash = 0x1234_5678;
  /** Our first sequence number as the last SYN-ACK told it. */
  iss = 0;
  /** Number that the peer's `seq` and our `ack` are relative to. */
  peerIsn = PEER_ISN;
  readonly #slot = new Slot();
  readonly #sent: Uint8Array[] = [];

  constructor(options: ScriptOptions = {}) {
    this.egress = new SimEgress(options.mtuBytes ?? 1500, options.isCutting ?? false, (packet) => {
      this.#sent.push(packet);
    });
    this.endpoint = { ipVersion: options.ipVersion ?? 4, port: 40_000, localPort: 80 };
    this.stack = new TcpStack({
      egresses: [this.egress],
      user: this,
      listenPorts: [80],
      nowMs: this.nowMs,
      secret: options.secret ?? [1, 2, 3],
      ...(options.cookiePeriod === undefined ? {} : { cookiePeriod: options.cookiePeriod }),
      limits: options.limits ?? {},
      ...(options.congestion === undefined ? {} : { congestion: options.congestion }),
      flowEnded: (flow, generation, wasConnection) => {
        this.ended.push([flow, generation]);
        if (!wasConnection) this.vain.push(flow);
      },
    });
  }

  opened(connection: StreamConnection): void {
    this.connection = connection;
    this.events.push("opened");
  }

  received(connection: StreamConnection, bytes: Uint8Array, start: number, end: number): number {
    this.given.push(end - start);
    const count = this.consume(end - start);
    this.receivedBytes += count;
    if (this.text.length < 4096)
      this.text += Buffer.from(bytes.slice(start, start + count)).toString("latin1");
    this.onReceived(connection);
    return count;
  }

  peerClosed(connection: StreamConnection): void {
    this.events.push("peerClosed");
    this.onPeerClosed(connection);
  }

  drained(): void {
    this.events.push("drained");
  }

  closed(_connection: StreamConnection, reason: CloseReason): void {
    this.events.push(`closed ${reason}`);
  }

  /** One turn in which these segments arrive. */
  inject(...segments: ScriptSegment[]): void {
    this.stack.turn(this.nowMs);
    for (const segment of segments) this.#give(segment);
    this.stack.flush();
  }

  /** One turn in which an ICMP error arrives about the segment that we sent at `seq`. */
  injectError(error: IcmpError, seq: number): void {
    this.stack.turn(this.nowMs);
    this.#slot.giveError(this.stack, buildIcmpError(this.endpoint, error, (this.iss + seq) | 0), this.hash);
    this.stack.flush();
  }

  /** One turn in which the user does something. */
  act(action: (connection: StreamConnection) => void): void {
    this.stack.turn(this.nowMs);
    action(this.connection!);
    this.stack.flush();
  }

  /** Lets time pass, with a turn at each of the stack's deadlines. */
  advance(byMs: number): void {
    const endMs = this.nowMs + byMs;
    for (;;) {
      const atMs = Math.min(endMs, this.stack.nextDeadlineMs());
      assert.ok(atMs > this.nowMs || atMs === endMs, "deadlines lie ahead");
      this.nowMs = atMs;
      this.stack.turn(atMs);
      this.stack.expire();
      this.stack.flush();
      if (atMs >= endMs) return;
    }
  }

  /** The next segment that was sent is like this. */
  expect(expected: Expected): void {
    this.expectTimestamp(expected);
  }

  /** The next segment that was sent is like this. Returns its timestamp; 0 without. */
  expectTimestamp(expected: Expected): number {
    const packet = this.#sent.shift();
    assert.ok(packet !== undefined, `a segment ${JSON.stringify(expected)} was sent`);
    const actual = this.#describe(packet!);
    const picked = Object.fromEntries(
      Object.keys(expected).map((key) => [key, actual[key as keyof Expected]]),
    );
    assert.equal(picked, { ...expected }, `the segment was ${JSON.stringify(actual)}`);
    return actual.ts?.[0] ?? 0;
  }

  /** Nothing more was sent. */
  expectNothing(): void {
    assert.equal(
      this.#sent.map((packet) => this.#describe(packet)),
      [],
      "nothing more was sent",
    );
  }

  /** The segments that were sent so far and not looked at. */
  take(): Expected[] {
    return this.#sent.splice(0).map((packet) => this.#describe(packet));
  }

  /** Forgets what was sent so far; returns how many segments. */
  skip(): number {
    return this.take().length;
  }

  /** The handshake over a path of `roundTripMs`, with an own answer to the SYN-ACK; afterwards nothing is left to expect. */
  connect(options: Partial<ScriptSegment> = {}, roundTripMs = 0): void {
    this.inject({ flags: "S", seq: 0, win: 65_535, mss: MSS, ...options });
    const timestamp = this.expectTimestamp({ flags: "SA", seq: 0, ack: 1 });
    this.nowMs += roundTripMs;
    const { ts } = options;
    this.inject({
      flags: "A",
      seq: 1,
      ack: 1,
      win: options.win ?? 65_535,
      ...(ts === undefined ? {} : { ts: [ts[0], timestamp] as const }),
    });
    this.expectNothing();
    assert.is(this.events.at(-1), "opened");
  }

  /** Our timestamp clock now. */
  get timestamp(): number {
    return this.nowMs + 3;
  }

  /** Nothing is left of any connection: no state, no timer, and each flow ended once. */
  expectIdle(): void {
    this.expectNothing();
    assert.is(this.stack.connectionCount, 0);
    assert.is(this.stack.timerCount, 0);
    assert.is(this.stack.transmissionCount, 0);
  }

  #give(segment: ScriptSegment): void {
    const data =
      typeof segment.data === "string"
        ? new Uint8Array(Buffer.from(segment.data, "latin1"))
        : pattern((segment.seq ?? 1) - 1, segment.data ?? 0);
    const packet = buildPacket(
      this.endpoint,
      (this.peerIsn + (segment.seq ?? 0)) | 0,
      segment.ack === undefined ? 0 : (this.iss + segment.ack) | 0,
      flagsOf(segment.flags),
      segment.win ?? 65_535,
      data,
      (bytes, at) => this.#writeOptions(segment, bytes, at),
    );
    this.#slot.give(this.stack, packet, this.flow, this.generation, this.hash);
  }

  #writeOptions(segment: ScriptSegment, bytes: Uint8Array, start: number): number {
    let at = start;
    if (segment.mss !== undefined) at = emitMssOption(bytes, at, segment.mss);
    if (segment.ws !== undefined) at = emitWindowScaleOption(bytes, at, segment.ws);
    if (segment.sackOk) at = emitSackPermittedOption(bytes, at);
    if (segment.ts !== undefined) at = emitTimestampsOption(bytes, at, segment.ts[0], segment.ts[1]);
    if (segment.sack !== undefined) {
      const edges = Int32Array.from(segment.sack.flat(), (edge) => (this.iss + edge) | 0);
      at = emitSackOption(bytes, at, edges, segment.sack.length);
    }
    return at;
  }

  #describe(packet: Uint8Array): Expected {
    const view = validate(packet)!;
    const segment = new TcpSegment();
    parseTcpSegment(packet, view.l4Offset, packet.length, segment);
    const { flags } = segment;
    if ((flags & SYN) !== 0) this.iss = segment.sequence;
    const edges = [...segment.sackEdges.subarray(0, 2 * segment.sackCount)].map(
      (edge) => (edge - this.peerIsn) >>> 0,
    );
    return {
      flags: LETTERS.reduce((letters, [letter, flag]) => letters + ((flags & flag) !== 0 ? letter : ""), ""),
      seq: (segment.sequence - this.iss) >>> 0,
      ack: (segment.acknowledgment - this.peerIsn) >>> 0,
      win: segment.window,
      length: segment.dataEnd - segment.dataStart,
      data: Buffer.from(packet.subarray(segment.dataStart, segment.dataEnd)).toString("latin1"),
      sackOk: segment.sackPermitted === 1,
      sack: Array.from({ length: segment.sackCount }, (_, block) => [
        edges[2 * block]!,
        edges[2 * block + 1]!,
      ]),
      ...(segment.mss > 0 ? { mss: segment.mss } : {}),
      ...(segment.windowScale >= 0 ? { ws: segment.windowScale } : {}),
      ...(segment.hasTimestamps === 1
        ? { ts: [segment.timestampValue, segment.timestampEcho] as const }
        : {}),
    };
  }
}

/**
 * A connection that has queued `segments` full segments at once, and sent the first window of them. `syn` is what is special
 * about the peer's SYN.
 */
export function sending(
  segments: number,
  syn: Partial<ScriptSegment> = {},
  options: ScriptOptions = {},
  roundTripMs = 0,
): TcpScript {
  const script = new TcpScript(options);
  const mss = options.ipVersion === 6 ? MSS_IPV6 : MSS;
  script.connect({ mss, ...syn }, roundTripMs);
  const size = mss - (syn.ts === undefined ? 0 : TIMESTAMPS_BYTES);
  script.act((connection) => connection.send(new Uint8Array(segments * size)));
  assert.is(script.skip(), Math.min(segments, FIRST_WINDOW_SEGMENTS));
  return script;
}
