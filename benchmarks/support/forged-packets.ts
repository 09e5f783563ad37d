// Sends TCP segments whose source addresses are forged, through a raw socket (raw(7); needs CAP_NET_RAW): what a flood is made of.
// Only for network namespaces of one's own. Each packet has an address, port and numbers of its own from one seed; nobody is at
// those addresses, and what is sent to them goes nowhere.

import { closeSync } from "node:fs";
import koffi from "koffi";
import { addressOf, socket } from "../../core/link/libc.js";
import { addSums, foldSum, sumBytes, sumPseudoHeader } from "../../core/wire/checksum.js";
import { DEFAULT_TTL, emitIpv4Header, IPV4_HEADER_BYTES } from "../../core/wire/ipv4.js";
import { PROTOCOL_TCP } from "../../core/wire/protocols.js";
import {
  ACK,
  emitMssOption,
  emitSackPermittedOption,
  emitTcpHeader,
  emitTimestampsOption,
  emitWindowScaleOption,
  SYN,
  TCP_CHECKSUM_OFFSET,
  TCP_HEADER_BYTES,
} from "../../core/wire/tcp.js";
import { writeWord } from "../../core/wire/word.js";
import type { Random } from "./random.js";

export const FORGED_KINDS = ["syn", "ack"] as const;
export type ForgedKind = (typeof FORGED_KINDS)[number];

const AF_INET = 2;
const SOCK_RAW = 3;
/** Packets come with their IP header. */
const IPPROTO_RAW = 255;
const MSG_DONTWAIT = 0x40;
const SOCKET_ADDRESS_BYTES = 16;
/** First bytes of the addresses: nobody's of a namespace with a farm, and no martians. */
const FIRST_NET = 20;
const NETS = 100;

const SOURCE = 12;
const TCP = IPV4_HEADER_BYTES;
const MAX_BYTES = IPV4_HEADER_BYTES + TCP_HEADER_BYTES + 40;

const sendto: (
  fileDescriptor: number,
  packet: number,
  bytes: number,
  flags: number,
  address: number,
  addressBytes: number,
) => number = koffi
  .load(null)
  .func(
    "int64_t sendto(int fd, uintptr_t packet, size_t bytes, int flags, uintptr_t address, uint32_t addressBytes)",
  );

export class ForgedPackets {
  readonly #fileDescriptor: number;
  readonly #random: Random;
  readonly #packet = new Uint8Array(MAX_BYTES);
  readonly #packetAddress: number;
  readonly #length: number;
  readonly #hasAck: boolean;
  readonly #socketAddress = new Uint8Array(SOCKET_ADDRESS_BYTES);
  readonly #socketAddressAddress: number;

  /** To TCP port `port` of the IPv4 address `destination`. Throws where there may be no raw socket. */
  constructor(kind: ForgedKind, destination: Uint8Array, port: number, random: Random) {
    this.#fileDescriptor = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    if (this.#fileDescriptor < 0) throw new Error("the kernel refused a raw socket");
    this.#random = random;
    this.#hasAck = kind === "ack";
    this.#length = this.#writeTemplate(destination, port);
    this.#packetAddress = addressOf(this.#packet);
    // struct sockaddr_in; the port means nothing here.
    new Uint16Array(this.#socketAddress.buffer)[0] = AF_INET;
    this.#socketAddress.set(destination, 4);
    this.#socketAddressAddress = addressOf(this.#socketAddress);
  }

  /** Sends one. False if the kernel had no room for it. */
  send(): boolean {
    const packet = this.#packet;
    const random = this.#random;
    const source = random.word();
    writeWord(packet, SOURCE, source);
    packet[SOURCE] = FIRST_NET + ((source >>> 24) % NETS);
    const port = 1024 + random.below(64_512);
    packet[TCP] = port >>> 8;
    packet[TCP + 1] = port;
    writeWord(packet, TCP + 4, random.word());
    if (this.#hasAck) writeWord(packet, TCP + 8, random.word());
    packet[TCP + TCP_CHECKSUM_OFFSET] = 0;
    packet[TCP + TCP_CHECKSUM_OFFSET + 1] = 0;
    const tcpBytes = this.#length - TCP;
    const pseudo = sumPseudoHeader(packet, SOURCE, SOURCE + 4, 4, PROTOCOL_TCP, tcpBytes);
    const checksum = ~foldSum(addSums(pseudo, sumBytes(packet, TCP, tcpBytes)));
    packet[TCP + TCP_CHECKSUM_OFFSET] = checksum >>> 8;
    packet[TCP + TCP_CHECKSUM_OFFSET + 1] = checksum;
    const sent = sendto(
      this.#fileDescriptor,
      this.#packetAddress,
      this.#length,
      MSG_DONTWAIT,
      this.#socketAddressAddress,
      SOCKET_ADDRESS_BYTES,
    );
    return sent === this.#length;
  }

  close(): void {
    closeSync(this.#fileDescriptor);
  }

  /** All that is the same in each packet. Returns its length. */
  #writeTemplate(destination: Uint8Array, port: number): number {
    const packet = this.#packet;
    let end = TCP + TCP_HEADER_BYTES;
    if (!this.#hasAck) {
      end = emitMssOption(packet, end, 1460);
      end = emitSackPermittedOption(packet, end);
      end = emitTimestampsOption(packet, end, 1, 0);
      end = emitWindowScaleOption(packet, end, 7);
    }
    const addresses = Uint8Array.of(0, 0, 0, 0, ...destination);
    emitIpv4Header(packet, 0, end, PROTOCOL_TCP, 0, DEFAULT_TTL, addresses, 0, 4);
    emitTcpHeader(packet, TCP, 0, 0, end - TCP, this.#hasAck ? ACK : SYN, 64_240);
    packet[TCP + 2] = port >>> 8;
    packet[TCP + 3] = port;
    return end;
  }
}
