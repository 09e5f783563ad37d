// TCP headers and options (RFC 9293 section 3.1 and 3.2, RFC 7323, RFC 2018): bytes to fields and back.
// Must not know connections or addresses; the checksum belongs to whoever has the addresses. No option, however it is
// formed, makes a read beyond the header.
//
//    0               8               16              24            31
//   |          source port          |       destination port        |  0
//   |                        sequence number                        |  4
//   |                    acknowledgment number                      |  8
//   |offset | reserved |   flags    |            window             | 12
//   |           checksum            |        urgent pointer         | 16
//   |                     options, 0 to 40 bytes                    | 20

import { readWord, writeWord } from "./word.js";

export const TCP_HEADER_BYTES = 20;
export const TCP_SEQUENCE_OFFSET = 4;
export const TCP_FLAGS_OFFSET = 13;
/** Offset of the checksum field in the header: what an egress wants to know. */
export const TCP_CHECKSUM_OFFSET = 16;

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;
const OPTION_WINDOW_SCALE = 3;
const OPTION_SACK_PERMITTED = 4;
const OPTION_SACK = 5;
const OPTION_TIMESTAMPS = 8;

const MSS_OPTION_BYTES = 4;
/** With the padding before it that aligns it. */
const WINDOW_SCALE_OPTION_BYTES = 4;
/** With the padding before it that aligns it. */
const SACK_PERMITTED_OPTION_BYTES = 4;
/** With the padding before it that aligns it (RFC 7323 appendix A). */
export const TIMESTAMPS_OPTION_BYTES = 12;
/** Without the blocks, with the padding before it that aligns it. */
const SACK_OPTION_BYTES = 4;
const SACK_BLOCK_BYTES = 8;
/** Blocks that fit into 40 bytes (RFC 2018 section 3). */
const MAX_SACK_BLOCKS = 4;
/** Largest shift that a peer may ask for; a larger one counts as this (RFC 7323 section 2.3). */
const MAX_WINDOW_SHIFT = 14;

/** One segment's fields and options: made once and filled anew for each. All sequence numbers are signed 32-bit. */
export class TcpSegment {
  sequence = 0;
  acknowledgment = 0;
  /** CWR … FIN, the second flags byte. */
  flags = 0;
  /** As it stands in the header, not scaled. */
  window = 0;
  /** Index of the first byte of data and of the one after the last. */
  dataStart = 0;
  dataEnd = 0;
  /** 0: not given. */
  mss = 0;
  /** 0 … 14; -1: not given. */
  windowScale = -1;
  sackPermitted = 0;
  /** 1 if the timestamps option is there; its two values mean nothing otherwise. */
  hasTimestamps = 0;
  timestampValue = 0;
  timestampEcho = 0;
  /** Left and right edges of `sackCount` blocks. */
  readonly sackEdges = new Int32Array(2 * MAX_SACK_BLOCKS);
  sackCount = 0;
  /** 1 if an option was malformed; it and those after it were ignored. */
  badOptions = 0;

  /** SEG.LEN: bytes of data, and one each for SYN and FIN. */
  get length(): number {
    return this.dataEnd - this.dataStart + ((this.flags >>> 1) & 1) + (this.flags & 1);
  }
}

/** Bytes of the header at `at`, options included, as its own field says: 0 … 60. */
export function tcpHeaderBytes(bytes: Uint8Array, at: number): number {
  return (bytes[at + 12]! >>> 4) << 2;
}

/**
 * Reads the segment whose header is at `at` and which ends before `end` into `segment`. The caller has checked that
 * the header, as long as it says it is, lies before `end`.
 */
export function parseTcpSegment(bytes: Uint8Array, at: number, end: number, segment: TcpSegment): void {
  const headerBytes = tcpHeaderBytes(bytes, at);
  segment.sequence = readWord(bytes, at + 4);
  segment.acknowledgment = readWord(bytes, at + 8);
  segment.flags = bytes[at + TCP_FLAGS_OFFSET]!;
  segment.window = (bytes[at + 14]! << 8) | bytes[at + 15]!;
  segment.dataStart = at + headerBytes;
  segment.dataEnd = end;
  segment.mss = 0;
  segment.windowScale = -1;
  segment.sackPermitted = 0;
  segment.hasTimestamps = 0;
  segment.sackCount = 0;
  segment.badOptions = 0;
  if (headerBytes > TCP_HEADER_BYTES) parseOptions(bytes, at + TCP_HEADER_BYTES, at + headerBytes, segment);
}

function parseOptions(bytes: Uint8Array, start: number, end: number, segment: TcpSegment): void {
  let at = start;
  while (at < end) {
    const kind = bytes[at]!;
    if (kind === OPTION_END) return;
    if (kind === OPTION_NOP) {
      at++;
      continue;
    }
    const length = at + 1 < end ? bytes[at + 1]! : 0;
    if (length < 2 || at + length > end || !parseOption(bytes, at, kind, length, segment)) {
      segment.badOptions = 1;
      return;
    }
    at += length;
  }
}

/** Reads one option of `length` bytes; false if that is no length for its kind. Unknown kinds are skipped. */
function parseOption(
  bytes: Uint8Array,
  at: number,
  kind: number,
  length: number,
  segment: TcpSegment,
): boolean {
  switch (kind) {
    case OPTION_MSS:
      if (length !== 4) return false;
      segment.mss = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      return true;
    case OPTION_WINDOW_SCALE:
      if (length !== 3) return false;
      segment.windowScale = Math.min(bytes[at + 2]!, MAX_WINDOW_SHIFT);
      return true;
    case OPTION_SACK_PERMITTED:
      if (length !== 2) return false;
      segment.sackPermitted = 1;
      return true;
    case OPTION_SACK:
      return parseSackBlocks(bytes, at, length, segment);
    case OPTION_TIMESTAMPS:
      if (length !== 10) return false;
      segment.hasTimestamps = 1;
      segment.timestampValue = readWord(bytes, at + 2);
      segment.timestampEcho = readWord(bytes, at + 6);
      return true;
    default:
      return true;
  }
}

function parseSackBlocks(bytes: Uint8Array, at: number, length: number, segment: TcpSegment): boolean {
  const blocks = (length - 2) >>> 3;
  // The header's 40 bytes of options hold no more than four blocks.
  if (blocks === 0 || length !== 2 + blocks * SACK_BLOCK_BYTES) return false;
  for (let edge = 0; edge < 2 * blocks; edge++) segment.sackEdges[edge] = readWord(bytes, at + 2 + 4 * edge);
  segment.sackCount = blocks;
  return true;
}

/**
 * Writes the header at `at` but for its ports; the checksum and urgent pointer are 0. `headerBytes` counts the
 * options.
 */
export function emitTcpHeader(
  bytes: Uint8Array,
  at: number,
  sequence: number,
  acknowledgment: number,
  headerBytes: number,
  flags: number,
  window: number,
): void {
  writeWord(bytes, at + 4, sequence);
  writeWord(bytes, at + 8, acknowledgment);
  bytes[at + 12] = headerBytes << 2;
  bytes[at + TCP_FLAGS_OFFSET] = flags;
  bytes[at + 14] = window >>> 8;
  bytes[at + 15] = window;
  writeWord(bytes, at + 16, 0);
}

/** Writes the option at `at` and returns the index after it; so do all below. */
export function emitMssOption(bytes: Uint8Array, at: number, mss: number): number {
  bytes[at] = OPTION_MSS;
  bytes[at + 1] = 4;
  bytes[at + 2] = mss >>> 8;
  bytes[at + 3] = mss;
  return at + MSS_OPTION_BYTES;
}

export function emitWindowScaleOption(bytes: Uint8Array, at: number, shift: number): number {
  bytes[at] = OPTION_NOP;
  bytes[at + 1] = OPTION_WINDOW_SCALE;
  bytes[at + 2] = 3;
  bytes[at + 3] = shift;
  return at + WINDOW_SCALE_OPTION_BYTES;
}

export function emitSackPermittedOption(bytes: Uint8Array, at: number): number {
  bytes[at] = OPTION_NOP;
  bytes[at + 1] = OPTION_NOP;
  bytes[at + 2] = OPTION_SACK_PERMITTED;
  bytes[at + 3] = 2;
  return at + SACK_PERMITTED_OPTION_BYTES;
}

export function emitTimestampsOption(bytes: Uint8Array, at: number, value: number, echo: number): number {
  bytes[at] = OPTION_NOP;
  bytes[at + 1] = OPTION_NOP;
  bytes[at + 2] = OPTION_TIMESTAMPS;
  bytes[at + 3] = 10;
  writeWord(bytes, at + 4, value);
  writeWord(bytes, at + 8, echo);
  return at + TIMESTAMPS_OPTION_BYTES;
}

/** Writes the first `blocks` blocks of `edges`, at least one. */
export function emitSackOption(bytes: Uint8Array, at: number, edges: Int32Array, blocks: number): number {
  bytes[at] = OPTION_NOP;
  bytes[at + 1] = OPTION_NOP;
  bytes[at + 2] = OPTION_SACK;
  bytes[at + 3] = 2 + SACK_BLOCK_BYTES * blocks;
  for (let edge = 0; edge < 2 * blocks; edge++) writeWord(bytes, at + 4 + 4 * edge, edges[edge]!);
  return at + SACK_OPTION_BYTES + SACK_BLOCK_BYTES * blocks;
}
