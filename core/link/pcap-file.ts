// Capture files: pcap (both byte orders, microseconds and nanoseconds) and pcapng, one record after the other.
// A wrong beginning of the file is an error that is thrown; whatever comes after it is counted, never thrown, because
// a capture that broke off is still a capture. Knows records, not the frames in them.
//
//   pcap     header 24: magic · version · zone · accuracy · snap length · link type
//            record 16: seconds · fraction · captured bytes · original bytes · then the captured bytes
//   pcapng   block:     type · total length · body … · total length again; all in multiples of 4
// Specifications: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.

import { CaptureWindow, WINDOW_BYTES } from "./capture-window.js";

/** Most captured bytes in a record: libpcap's MAXIMUM_SNAPLEN. A record that claims more is damage. */
export const MAX_CAPTURED_BYTES = 262_144;
/** Most interfaces in a section of a pcapng file. */
export const MAX_INTERFACES = 256;

/** Why a file is not opened. */
export type CaptureErrorCode = "bad_format" | "bad_header" | "unknown_link_type";

/** A file that is no capture, or none that can be replayed. */
export class CaptureError extends Error {
  override readonly name = "CaptureError";
  readonly code: CaptureErrorCode;

  constructor(code: CaptureErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const PCAP_HEADER_BYTES = 24;
const PCAP_RECORD_BYTES = 16;
const PCAP_MAGIC_MICROSECONDS = 0xa1b2c3d4;
const PCAP_MAGIC_NANOSECONDS = 0xa1b23c4d;
/** The link type is the low 28 bits; above it is the length of a frame check sequence, which IP's own length cuts off. */
const LINK_TYPE_MASK = 0x0fffffff;

const BLOCK_SECTION = 0x0a0d0d0a;
const BLOCK_INTERFACE = 1;
const BLOCK_SIMPLE_PACKET = 3;
const BLOCK_ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const BLOCK_OVERHEAD_BYTES = 12;
const SECTION_HEADER_BYTES = 28;
const OPTION_END = 0;
const OPTION_TIME_RESOLUTION = 9;
const OPTION_TIME_OFFSET = 14;

interface Interface {
  readonly linkType: number;
  /** Most bytes that are captured of a packet; 0: all. */
  readonly snapLength: number;
  /** Units of a timestamp in a millisecond. */
  readonly ticksPerMs: number;
  readonly offsetMs: number;
}

export class CaptureFile {
  readonly #window: CaptureWindow;
  readonly #isPcapng: boolean;
  #littleEndian = true;
  #interfaces: Interface[] = [];
  /** Bytes to pass over before the next record begins. */
  #pending = 0;
  #ended = false;

  /** The bytes that `dataOffset` is an index into. Both are good until the next call of `next`. */
  readonly bytes: Uint8Array;
  readonly data: DataView;
  dataOffset = 0;
  /** Bytes captured of this packet's frame. */
  dataLength = 0;
  /** Link type of this packet's interface (www.tcpdump.org/linktypes.html). */
  linkType = 0;
  /** When it was captured, in milliseconds since 1970 with fractions (a quarter of a microsecond fine). */
  timestampMs = 0;

  /** Records and blocks that the file's end cut off: 0 or 1. */
  truncatedRecords = 0;
  /** Records and blocks whose lengths cannot be; reading ends at the first that leaves no way to find the next. */
  malformedRecords = 0;

  /** Opens a capture and reads its header. Throws `CaptureError`, and what `fs.openSync` throws. */
  constructor(path: string) {
    this.#window = new CaptureWindow(path);
    this.bytes = this.#window.bytes;
    this.data = this.#window.data;
    try {
      this.#isPcapng = this.#readFileHeader(path);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The link type of a pcap file, and of the first interface of a pcapng file once its block has been read; else -1. */
  get firstLinkType(): number {
    return this.#interfaces[0]?.linkType ?? -1;
  }

  /** Goes to the next packet. Returns false at the end of the file. */
  next(): boolean {
    if (this.#ended) return false;
    if (this.#isPcapng ? this.#nextBlock() : this.#nextRecord()) return true;
    this.#ended = true;
    return false;
  }

  close(): void {
    this.#ended = true;
    this.#window.close();
  }

  /** Finds out the format; returns whether it is pcapng, whose section header is then left for `next` to read. */
  #readFileHeader(path: string): boolean {
    const window = this.#window;
    if (!window.fill(4)) throw new CaptureError("bad_format", `${path} is too short for a capture file`);
    if (this.data.getUint32(0) === BLOCK_SECTION) {
      if (!window.fill(SECTION_HEADER_BYTES) || !this.#readSectionHeader()) {
        throw new CaptureError("bad_header", `${path} has no valid pcapng section header`);
      }
      return true;
    }
    const littleEndian =
      this.#magicIs(PCAP_MAGIC_MICROSECONDS, true) || this.#magicIs(PCAP_MAGIC_NANOSECONDS, true);
    if (
      !littleEndian &&
      !this.#magicIs(PCAP_MAGIC_MICROSECONDS, false) &&
      !this.#magicIs(PCAP_MAGIC_NANOSECONDS, false)
    ) {
      throw new CaptureError("bad_format", `${path} is neither a pcap nor a pcapng file`);
    }
    this.#littleEndian = littleEndian;
    if (!window.fill(PCAP_HEADER_BYTES)) {
      throw new CaptureError("bad_header", `${path} ends within its pcap header`);
    }
    const major = this.#uint16(4);
    if (major !== 2) throw new CaptureError("bad_header", `${path} has pcap version ${major}, not 2`);
    const ticksPerMs = this.#magicIs(PCAP_MAGIC_NANOSECONDS, littleEndian) ? 1e6 : 1e3;
    this.#interfaces.push({
      linkType: this.#uint32(20) & LINK_TYPE_MASK,
      snapLength: 0,
      ticksPerMs,
      offsetMs: 0,
    });
    window.start = PCAP_HEADER_BYTES;
    return false;
  }

  #magicIs(magic: number, littleEndian: boolean): boolean {
    return this.data.getUint32(0, littleEndian) === magic;
  }

  #nextRecord(): boolean {
    const window = this.#window;
    window.start += this.#pending;
    this.#pending = 0;
    if (!window.fill(PCAP_RECORD_BYTES)) return this.#cutOff();
    const captured = this.#uint32(window.start + 8);
    if (captured > MAX_CAPTURED_BYTES) {
      this.malformedRecords++;
      return false;
    }
    if (!window.fill(PCAP_RECORD_BYTES + captured)) return this.#cutOff();
    const at = window.start;
    const source = this.#interfaces[0]!;
    this.timestampMs = this.#uint32(at) * 1000 + this.#uint32(at + 4) / source.ticksPerMs;
    this.linkType = source.linkType;
    this.dataOffset = at + PCAP_RECORD_BYTES;
    this.dataLength = captured;
    this.#pending = PCAP_RECORD_BYTES + captured;
    return true;
  }

  /** The file's end: a clean one, or in the midst of something. */
  #cutOff(): false {
    if (this.#window.available > 0) this.truncatedRecords++;
    return false;
  }

  /** Reads blocks up to one with a packet. */
  #nextBlock(): boolean {
    const window = this.#window;
    for (;;) {
      if (!window.skip(this.#pending)) {
        this.truncatedRecords++;
        return false;
      }
      this.#pending = 0;
      if (!window.fill(BLOCK_OVERHEAD_BYTES)) return this.#cutOff();
      const isSection = this.#uint32(window.start) === BLOCK_SECTION;
      // A section says in its own block which byte order its lengths are in.
      if (isSection && !window.fill(SECTION_HEADER_BYTES)) return this.#cutOff();
      if (isSection && !this.#readSectionHeader()) return this.#damaged();
      const type = this.#uint32(window.start);
      const length = this.#uint32(window.start + 4);
      if (length < BLOCK_OVERHEAD_BYTES || (length & 3) !== 0) return this.#damaged();
      this.#pending = length;
      if (type !== BLOCK_INTERFACE && type !== BLOCK_ENHANCED_PACKET && type !== BLOCK_SIMPLE_PACKET)
        continue;
      if (length > WINDOW_BYTES) {
        this.malformedRecords++;
        continue;
      }
      if (!window.fill(length)) return this.#cutOff();
      if (type === BLOCK_INTERFACE) this.#readInterface(window.start, length);
      else if (this.#readPacketBlock(window.start, length, type)) return true;
      else this.malformedRecords++;
    }
  }

  #damaged(): false {
    this.malformedRecords++;
    return false;
  }

  //   0 type · 4 length · 8 byte-order magic · 12 major, minor · 16 section length (8) · options … · length
  #readSectionHeader(): boolean {
    const at = this.#window.start;
    const littleEndian = this.data.getUint32(at + 8, true) === BYTE_ORDER_MAGIC;
    if (!littleEndian && this.data.getUint32(at + 8, false) !== BYTE_ORDER_MAGIC) return false;
    this.#littleEndian = littleEndian;
    this.#interfaces = [];
    return this.#uint16(at + 12) === 1 && this.#uint32(at + 4) >= SECTION_HEADER_BYTES;
  }

  //   8 link type (2), reserved (2) · 12 snap length · 16 options …: code (2), length (2), value padded to 4
  #readInterface(at: number, length: number): void {
    if (length < 20 || this.#interfaces.length === MAX_INTERFACES) {
      this.malformedRecords++;
      return;
    }
    let ticksPerMs = 1e3;
    let offsetMs = 0;
    const end = at + length - 4;
    for (let option = at + 16; option + 4 <= end; ) {
      const code = this.#uint16(option);
      const optionLength = this.#uint16(option + 2);
      if (code === OPTION_END || option + 4 + optionLength > end) break;
      if (code === OPTION_TIME_RESOLUTION && optionLength === 1) {
        const resolution = this.bytes[option + 4]!;
        ticksPerMs = ((resolution & 0x80) === 0 ? 10 ** resolution : 2 ** (resolution & 0x7f)) / 1000;
      } else if (code === OPTION_TIME_OFFSET && optionLength === 8) {
        offsetMs = 1000 * Number(this.data.getBigInt64(option + 4, this.#littleEndian));
      }
      option += 4 + ((optionLength + 3) & ~3);
    }
    this.#interfaces.push({
      linkType: this.#uint16(at + 8),
      snapLength: this.#uint32(at + 12),
      ticksPerMs,
      offsetMs,
    });
  }

  //   enhanced: 8 interface · 12 time, high · 16 time, low · 20 captured · 24 original · 28 bytes …
  //   simple:   8 original · 12 bytes …            (of the first interface, without a time: it keeps the last one)
  #readPacketBlock(at: number, length: number, type: number): boolean {
    const isEnhanced = type === BLOCK_ENHANCED_PACKET;
    const headerLength = isEnhanced ? 28 : 12;
    if (length < headerLength + 4) return false;
    const source = this.#interfaces[isEnhanced ? this.#uint32(at + 8) : 0];
    if (source === undefined) return false;
    let captured = this.#uint32(at + (isEnhanced ? 20 : 8));
    if (!isEnhanced) {
      captured = Math.min(captured, source.snapLength === 0 ? captured : source.snapLength);
    }
    if (captured > MAX_CAPTURED_BYTES || captured > length - headerLength - 4) return false;
    if (isEnhanced) {
      const ticks = this.#uint32(at + 12) * 2 ** 32 + this.#uint32(at + 16);
      this.timestampMs = ticks / source.ticksPerMs + source.offsetMs;
    }
    this.linkType = source.linkType;
    this.dataOffset = at + headerLength;
    this.dataLength = captured;
    return true;
  }

  #uint16(at: number): number {
    return this.data.getUint16(at, this.#littleEndian);
  }

  #uint32(at: number): number {
    return this.data.getUint32(at, this.#littleEndian);
  }
}
