// What all parts of one TCP stack share. It has no rules of its own: a place, passed to every function as its first
// argument, so that two stacks in one thread (a test, a simulation) know nothing of each other.

import type { Egress } from "../../core/link/egress.js";
import { allocateCookiePeriod, CookiePeriod } from "../../core/memory/cookie-period.js";
import { TcpSegment } from "../../core/wire/tcp.js";
import { PathMtus } from "../path-mtus.js";
import type { StreamUser } from "../stream.js";
import { CONGESTION_ALGORITHMS, type CongestionName } from "./congestion-algorithms.js";
import type { CongestionControl } from "./congestion-control.js";
import type { ConnectionOwner } from "./connection.js";
import { ConnectionTable } from "./connection-table.js";
import { FourTuple } from "./four-tuple.js";
import { InitialSequence } from "./initial-sequence.js";
import { DEFAULT_TCP_LIMITS, type TcpLimits } from "./limits.js";
import { SegmentWriter } from "./segment-writer.js";
import { SynCookies } from "./syn-cookie.js";
import { TcpCounters } from "./tcp-counters.js";
import { TimeWaitTable } from "./time-wait.js";
import { type Timed, TimerWheel } from "./timer-wheel.js";
import { Transmissions } from "./transmissions.js";
import { TupleHash } from "./tuple-hash.js";

export interface TcpStackOptions {
  /** How to transmit, by link number. */
  readonly egresses: readonly Egress[];
  readonly user: StreamUser;
  /** Ports that are listened on, at every address. */
  readonly listenPorts: readonly number[];
  /**
   * The clock at the start, in milliseconds; it never goes back. Clock and secret are those of all stacks that a client may come
   * to: one goes on with what another's SYN cookie has begun.
   */
  readonly nowMs: number;
  /**
   * Random 32-bit words: two for initial sequence numbers (RFC 6528) and SYN cookies, one for the timestamp clock (RFC
   * 7323 section 7.1).
   */
  readonly secret: readonly [number, number, number];
  /** Where all of these stacks note that they send SYN cookies (core/memory/cookie-period.ts); a stack alone needs none. */
  readonly cookiePeriod?: SharedArrayBuffer;
  readonly limits?: Partial<TcpLimits>;
  /** What sets the congestion window; CUBIC, if nothing is said. */
  readonly congestion?: CongestionName;
  /** The flow that the director gave us with these numbers holds no connection any more, or none has come of it. */
  readonly flowEnded: (flow: number, generation: number, wasConnection: boolean) => void;
  /** Something was queued where nothing was: `flush` has to be called, if this is not within a turn anyway. */
  readonly outputDue?: () => void;
}

export class TcpContext {
  nowMs: number;
  readonly limits: TcpLimits;
  readonly counters = new TcpCounters();
  readonly user: StreamUser;
  readonly owner: ConnectionOwner;
  readonly writers: readonly SegmentWriter[];
  readonly listenPorts: ReadonlySet<number>;
  readonly initialSequence: InitialSequence;
  readonly cookies: SynCookies;
  readonly timestampOffset: number;
  readonly flowEnded: (flow: number, generation: number, wasConnection: boolean) => void;
  readonly connections = new ConnectionTable();
  readonly transmissions = new Transmissions();
  /** Connections in SYN-RECEIVED. */
  halfOpenCount = 0;
  readonly timeWait: TimeWaitTable;
  readonly wheel: TimerWheel;
  readonly pathMtus = new PathMtus();
  /** Shift of the windows that we offer. */
  readonly windowShift: number;
  readonly #congestion: CongestionName;

  /** The segment in hand, and where it is from and to. */
  readonly segment = new TcpSegment();
  readonly arriving = new FourTuple();
  hash = 0;
  flow = 0;
  generation = 0;
  /** Row of the connection that keep-alive has looked at last. */
  sweepRow = 0;
  /** For SACK blocks on their way out. */
  readonly sackEdges = new Int32Array(8);

  constructor(options: TcpStackOptions, owner: ConnectionOwner, fire: (timed: Timed) => void) {
    this.nowMs = Math.floor(options.nowMs);
    this.limits = { ...DEFAULT_TCP_LIMITS, ...options.limits };
    this.user = options.user;
    this.owner = owner;
    this.writers = options.egresses.map((egress) => new SegmentWriter(egress));
    this.listenPorts = new Set(options.listenPorts);
    const hash = new TupleHash(options.secret[0], options.secret[1]);
    this.initialSequence = new InitialSequence(hash);
    this.cookies = new SynCookies(hash, new CookiePeriod(options.cookiePeriod ?? allocateCookiePeriod()));
    this.timestampOffset = options.secret[2] | 0;
    this.flowEnded = options.flowEnded;
    this.timeWait = new TimeWaitTable(this.limits.maxTimeWait, this.limits.timeWaitMs);
    this.wheel = new TimerWheel(this.nowMs, fire);
    this.windowShift = shiftFor(this.limits.receiveBufferBytes);
    this.#congestion = options.congestion ?? "cubic";
  }

  createCongestionControl(): CongestionControl {
    return CONGESTION_ALGORITHMS[this.#congestion]();
  }

  /** Our timestamp clock, which ticks in milliseconds (RFC 7323 section 5.4). */
  get timestamp(): number {
    return (this.nowMs + this.timestampOffset) | 0;
  }
}

/** Smallest shift with which a window field of 16 bits can tell `bytes`. */
function shiftFor(bytes: number): number {
  let shift = 0;
  while (bytes / 2 ** shift > 0xffff && shift < 14) shift++;
  return shift;
}
