// The pcap link: replays a capture file, at full speed or at the pace it was recorded at. Time is injected. Never
// drops a packet for want of a slot: a file can wait, and a replay that depends on how busy the workers are could not
// be repeated; it counts how often it waited instead. What is sent to it is counted and gone.

import type { PacketPool } from "../memory/packet-pool.js";
import type { PacketEgressPlan } from "./egress.js";
import { FRAME_NOT_IP, FRAME_SHORT, isKnownLinkType, locatePacket } from "./frame.js";
import { BURST_PACKETS, type Burst, type PacketLink } from "./link.js";
import { CaptureError, CaptureFile } from "./pcap-file.js";

/** What paces a replay. */
export interface ReplayClock {
  /** Milliseconds since any fixed moment, with fractions; never goes back. */
  nowMs(): number;
  /** Calls `wake` once, `delayMs` from now or a little later; returns what takes that back. */
  setTimer(wake: () => void, delayMs: number): () => void;
}

export interface PcapLinkOptions {
  /** The capture file, pcap or pcapng. */
  readonly path: string;
  /** "full" (default): as fast as packets are taken. "recorded": with the capture's own gaps. */
  readonly pace?: "full" | "recorded";
  /** The MTU that workers are told, in bytes. Default 1500. */
  readonly mtuBytes?: number;
  readonly clock?: ReplayClock;
  /** Called once, from within `receive`, when there is no packet left. */
  readonly onEnd?: () => void;
}

const systemClock: ReplayClock = {
  nowMs: () => performance.now(),
  setTimer(wake, delayMs) {
    const timer = setTimeout(wake, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Most records looked at in one `receive`: a capture of nothing but other protocols must not hold up the thread. */
const MAX_RECORDS_A_BURST = 4 * BURST_PACKETS;

/** Longest timer, in milliseconds: a longer wait is made of several, because setTimeout takes none above 2^31. */
const MAX_TIMER_MS = 60_000;

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export class PcapLink implements PacketLink {
  readonly kind = "pcap";
  readonly description: string;
  readonly egressPlan: PacketEgressPlan;
  /**
   * Frames that were not delivered: longer than any slot, of another protocol than IP, shorter than their link header, of
   * a link type unknown; and the records of the file that its end cut off, or that make no sense. `noSlot` stays 0.
   */
  readonly drops = {
    oversize: 0,
    noSlot: 0,
    nonIp: 0,
    shortFrame: 0,
    unknownLinkType: 0,
    truncatedRecord: 0,
    malformedRecord: 0,
  };
  /** Records of the file that are done with: each was delivered or is among the drops. */
  records = 0;
  /** Packets delivered to the farm, their bytes, and packets that the farm sent here, which go nowhere. */
  received = 0;
  receivedBytes = 0;
  transmitted = 0;
  /** Recorded time from the first record to the latest, in ms. */
  recordedMs = 0;
  /** Times that the replay stood still because no slot was free. */
  slotWaits = 0;

  readonly #file: CaptureFile;
  readonly #isPaced: boolean;
  readonly #clock: ReplayClock;
  readonly #onEnd: () => void;
  /** Whether the file's current record is one that is still to be delivered. */
  #hasPacket = false;
  #firstTimestampMs = Number.NaN;
  /** Clock time at which a packet recorded at 0 is due; set by the first packet. */
  #originMs = Number.NaN;
  #cancelTimer: (() => void) | undefined;
  #ended = false;
  #closed = false;

  /** Opens the file. Throws `CaptureError`, and what `fs.openSync` throws. */
  constructor(options: PcapLinkOptions) {
    this.#file = new CaptureFile(options.path);
    const linkType = this.#file.firstLinkType;
    if (linkType >= 0 && !isKnownLinkType(linkType)) {
      this.#file.close();
      throw new CaptureError(
        "unknown_link_type",
        `${options.path} has link type ${linkType}, which limpet cannot read`,
      );
    }
    this.#isPaced = options.pace === "recorded";
    this.#clock = options.clock ?? systemClock;
    this.#onEnd = options.onEnd ?? (() => {});
    this.egressPlan = { kind: "ring", mtuBytes: options.mtuBytes ?? 1500 };
    const pace = this.#isPaced ? "at its recorded pace" : "at full speed";
    this.description = `capture ${options.path}, replayed ${pace}; answers to it go nowhere`;
  }

  /** Whether all packets have been delivered. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Milliseconds until the next packet is due at the recorded pace; 0 or less: now, or that is not known yet. */
  get dueInMs(): number {
    return this.#isPaced && this.#hasPacket ? this.#dueInMs() : 0;
  }

  receive(burst: Burst): void {
    burst.count = 0;
    if (this.#ended || this.#closed) return;
    for (let records = 0; records < MAX_RECORDS_A_BURST && burst.count < BURST_PACKETS; records++) {
      if (!this.#hasPacket && !this.#advance()) return;
      if (this.#isPaced && this.#dueInMs() > 0) return;
      if (!this.#deliver(burst)) return;
    }
  }

  /** Goes to the file's next record. False at the end. */
  #advance(): boolean {
    this.#hasPacket = this.#file.next();
    if (this.#hasPacket) return true;
    this.#ended = true;
    this.#closeFile();
    this.#onEnd();
    return false;
  }

  #closeFile(): void {
    const { truncatedRecords, malformedRecords } = this.#file;
    const { truncatedRecord, malformedRecord } = this.drops;
    this.records += truncatedRecords - truncatedRecord + malformedRecords - malformedRecord;
    this.drops.truncatedRecord = truncatedRecords;
    this.drops.malformedRecord = malformedRecords;
    this.#file.close();
  }

  /** Milliseconds until the current record is due; 0 or less: now. Records out of order are due at once. */
  #dueInMs(): number {
    const nowMs = this.#clock.nowMs();
    if (Number.isNaN(this.#originMs)) this.#originMs = nowMs - this.#file.timestampMs;
    return this.#originMs + this.#file.timestampMs - nowMs;
  }

  /** Puts the current record's packet into a slot, or counts why not. False if there was no slot: it stays current. */
  #deliver(burst: Burst): boolean {
    const file = this.#file;
    const headerLength = locatePacket(file.linkType, file.bytes, file.dataOffset, file.dataLength);
    const length = file.dataLength - headerLength;
    if (headerLength === FRAME_NOT_IP) this.drops.nonIp++;
    else if (headerLength === FRAME_SHORT) this.drops.shortFrame++;
    else if (headerLength < 0) this.drops.unknownLinkType++;
    else if (length > longestOf(burst.pool)) this.drops.oversize++;
    else {
      const isLarge = length > burst.pool.maxPacketBytes;
      const slot = isLarge ? burst.freeSlots.acquireLarge() : burst.freeSlots.acquire();
      if (slot < 0) {
        this.slotWaits++;
        return false;
      }
      copyIntoPool(file.data, file.bytes, file.dataOffset + headerLength, length, burst.pool, slot);
      const index = burst.count++;
      burst.slots[index] = slot;
      burst.lengths[index] = length;
      burst.checksumTrusted[index] = 0;
      this.received++;
      this.receivedBytes += length;
    }
    if (Number.isNaN(this.#firstTimestampMs)) this.#firstTimestampMs = file.timestampMs;
    this.recordedMs = Math.max(this.recordedMs, file.timestampMs - this.#firstTimestampMs);
    this.records++;
    this.#hasPacket = false;
    return true;
  }

  transmit(_bytes: Uint8Array, _offset: number, _length: number): boolean {
    if (this.#closed) return false;
    this.transmitted++;
    return true;
  }

  wait(wake: () => void): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#closed || this.#ended) return; // Nothing will come any more.
    const delayMs = Math.min(Math.max(0, this.dueInMs), MAX_TIMER_MS);
    this.#cancelTimer = this.#clock.setTimer(() => {
      this.#cancelTimer = undefined;
      wake();
    }, delayMs);
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#closeFile();
  }
}

/** Longest packet that a pool can hold, in bytes. */
function longestOf(pool: PacketPool): number {
  return pool.largeSlotCount > 0 ? pool.maxLargePacketBytes : pool.maxPacketBytes;
}

/**
 * Copies by words, of whatever alignment in the file: `set` into shared memory would need a `subarray` for each packet,
 * and is no faster.
 */
function copyIntoPool(
  data: DataView,
  bytes: Uint8Array,
  from: number,
  length: number,
  pool: PacketPool,
  slot: number,
): void {
  const to = pool.packetOffset(slot);
  const wholeBytes = length & ~3;
  const firstWord = to >>> 2;
  for (let i = 0; i < wholeBytes; i += 4) {
    pool.words[firstWord + (i >>> 2)] = data.getInt32(from + i, LITTLE_ENDIAN);
  }
  for (let i = wholeBytes; i < length; i++) pool.bytes[to + i] = bytes[from + i]!;
}
