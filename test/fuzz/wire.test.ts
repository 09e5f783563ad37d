// Any bytes at the parser: it throws nothing, gives every packet one verdict, and no byte beyond the packet's end has a
// say in it. Random bytes, and packets, built and captured, that were mutated; LIMPET_FUZZ_PACKETS of them in all.
// Repeat a failure with LIMPET_FUZZ_SEED.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { FAULT_FRAGMENT } from "../../core/wire/faults.js";
import { emitUnreachable, turnEchoIntoReply } from "../../core/wire/icmp.js";
import { PARSE_FAULTS, PARSE_OK, PacketView, parsePacket } from "../../core/wire/packet.js";
import { describePacket } from "../../core/wire/pretty.js";
import { captureTest, readPackets } from "../support/captures.js";
import { addressBytes, icmpPacket, ipPacket, tcpPacket, udpPacket } from "../support/packets.js";

const packetCount = Number(process.env.LIMPET_FUZZ_PACKETS ?? 1_000_000);
const seed = Number(process.env.LIMPET_FUZZ_SEED ?? Date.now() % 2 ** 31);
process.stdout.write(`# wire fuzz: ${packetCount} packets, LIMPET_FUZZ_SEED=${seed}\n`);

/** Whole numbers 0 … bound-1, the same for the same seed (xorshift32). */
let state = seed | 1;
function random(bound: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % bound;
}

const V6 = { source: "fd00::2", destination: "fd00::1" };
const inner = udpPacket({ source: "198.18.0.1", destination: "198.18.0.2" });
const inner6 = udpPacket({ source: "fd00::1", destination: "fd00::2" });
const option = (next: number) => [next, 0, 1, 4, 0, 0, 0, 0];
const routing = [6, 2, 0, 0, 0, 0, 0, 0, ...new Array<number>(16).fill(9)];
const home = [6, 2, 1, 2, 0, 0, 0xc9, 16, ...addressBytes("fd00::7")];
const built: Uint8Array[] = [
  tcpPacket({}, [1, 2, 3]),
  tcpPacket(V6, [1, 2, 3]),
  udpPacket(),
  udpPacket(V6),
  icmpPacket({}, 8, 0, [0, 1, 0, 1, 1, 2, 3]),
  icmpPacket(V6, 128, 0, [0, 1, 0, 1, 1, 2, 3]),
  icmpPacket({}, 3, 3, [0, 0, 0, 0, ...inner]),
  icmpPacket(V6, 1, 4, [0, 0, 0, 0, ...inner6]),
  ipPacket({ fragment: 0x2000 }, new Array<number>(32).fill(1)),
  ipPacket({ options: [7, 7, 4, 0, 0, 0, 0, 0] }, tcpPacket().subarray(20)),
  ipPacket({ options: [131, 7, 4, 9, 9, 9, 9, 0] }, tcpPacket({ destination: "9.9.9.9" }).subarray(20)),
  ipPacket(
    { ...V6, firstHeader: 0, extensions: [...option(60), ...option(43), ...routing] },
    tcpPacket(V6).subarray(40),
  ),
  ipPacket({ ...V6, firstHeader: 44, extensions: [6, 0, 0, 1, 0, 0, 0, 9] }, tcpPacket(V6).subarray(40)),
  icmpPacket(V6, 3, 0, [
    0,
    0,
    0,
    0,
    ...ipPacket({ ...V6, protocol: 60 }, [...option(44), ...option(17), ...inner6]),
  ]),
  ipPacket({ ...V6, firstHeader: 60, extensions: new Array(9).fill(option(60)).flat() }, []),
  ipPacket({ ...V6, protocol: 17 }, [0, 1, 0, 2, 0, 8, 0, 0]),
  ipPacket({ ...V6, protocol: 135 }, [59, 0, 0, 0, 1, 2, 0, 0]),
  ipPacket(
    { ...V6, firstHeader: 60, extensions: home },
    tcpPacket({ ...V6, source: "fd00::7" }).subarray(40),
  ),
];

const MAX_BYTES = 200;
/** Values that headers are sensitive to: version and header length, protocols, types, extremes. */
const TELLING = [0, 1, 4, 5, 6, 8, 17, 43, 44, 58, 59, 60, 0x40, 0x45, 0x4f, 0x60, 0x80, 0xc2, 0xc9, 0xff];

/** Writes the next packet to `packet` and returns its length. */
function makePacket(packet: Uint8Array, corpus: readonly Uint8Array[]): number {
  if (random(4) === 0) {
    const length = random(MAX_BYTES + 1);
    for (let i = 0; i < length; i++) packet[i] = random(256);
    if (random(2) === 0 && length > 0) packet[0] = random(2) === 0 ? 0x45 : 0x60;
    return length;
  }
  const original = corpus[random(corpus.length)]!;
  let length = Math.min(original.length, MAX_BYTES);
  for (let i = 0; i < length; i++) packet[i] = original[i]!;
  for (let mutations = random(5); mutations > 0 && length > 0; mutations--) {
    const at = random(Math.min(length, random(2) === 0 ? 64 : length));
    const kind = random(4);
    if (kind === 0) packet[at] = random(256);
    else if (kind === 1) packet[at] = TELLING[random(TELLING.length)]!;
    else if (kind === 2) packet[at]! ^= 1 << random(8);
    else length = random(length + 1);
  }
  if (random(2) === 0) repairHeader(packet, length);
  return length;
}

/** Makes lengths and the IPv4 header checksum right again, so that mutations get past them. */
function repairHeader(packet: Uint8Array, length: number): void {
  if (length >= 40 && packet[0]! >>> 4 === 6) {
    packet[4] = (length - 40) >>> 8;
    packet[5] = length - 40;
  }
  if (length < 20 || packet[0]! >>> 4 !== 4) return;
  packet[2] = length >>> 8;
  packet[3] = length;
  packet[10] = 0;
  packet[11] = 0;
  const headerLength = Math.min((packet[0]! & 15) * 4, length);
  let sum = 0;
  for (let i = 0; i + 1 < headerLength; i += 2) sum += (packet[i]! << 8) | packet[i + 1]!;
  const checksum = ~(sum % 0xffff) & 0xffff;
  packet[10] = checksum >>> 8;
  packet[11] = checksum;
}

/** A place to parse in: the packet at `start`, and `garbage` all around it, or nothing behind it. */
class Place {
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
  readonly view = new PacketView();
  readonly start: number;
  readonly garbage: number;

  constructor(size: number, start: number, garbage: number) {
    this.buffer = new ArrayBuffer(size);
    this.bytes = new Uint8Array(this.buffer);
    this.halves = new Uint16Array(this.buffer);
    this.start = start;
    this.garbage = garbage;
    this.bytes.fill(garbage);
  }

  parse(packet: Uint8Array, length: number, trusted: number): number {
    const { bytes, start } = this;
    for (let i = 0; i < length; i++) bytes[start + i] = packet[i]!;
    const behind = Math.min(bytes.length, start + MAX_BYTES);
    for (let i = start + length; i < behind; i++) bytes[i] = this.garbage;
    return parsePacket(bytes, this.halves, start, length, trusted, this.view);
  }
}

const FIELDS = Object.keys(new PacketView()) as (keyof PacketView)[];
const OFFSETS = new Set<keyof PacketView>(
  FIELDS.filter((name) => /offset$/i.test(name) && name !== "fragmentOffset"),
);
/** Fields that mean something only if `innerIpVersion` says so. */
const INNER = new Set<keyof PacketView>(
  FIELDS.filter((name) => name.startsWith("inner") && name !== "innerIpVersion"),
);

/** Fields that mean something of a fragment only. */
const OF_FRAGMENT = new Set<keyof PacketView>(["fragmentDataOffset", "fragmentProtocol"]);

/** Compares what two places saw, offsets by their distance from the packet's start. */
function assertSameView(a: Place, b: Place): void {
  for (const name of FIELDS) {
    if (INNER.has(name) && a.view.innerIpVersion === 0) continue;
    if (OF_FRAGMENT.has(name) && a.view.isFragment === 0) continue;
    if (OFFSETS.has(name) && a.view.ipVersion === 0 && name !== "offset") continue;
    const shift = OFFSETS.has(name) ? b.start - a.start : 0;
    if (a.view[name] + shift !== b.view[name])
      assert.unreachable(`${name}: ${a.view[name]} or ${b.view[name]}`);
    if (!Number.isInteger(a.view[name])) assert.unreachable(`${name} is ${a.view[name]}`);
  }
}

/** After PARSE_OK, everything that the view points at is inside the packet. */
function assertInside(place: Place, length: number): void {
  const { view, start } = place;
  const end = start + view.totalLength;
  assert.ok(end <= start + length && view.l4Offset > start && view.l4Offset + view.l4Length <= end);
  assert.ok(view.sourceOffset + view.addressLength <= view.l4Offset && view.sourceOffset > start);
  assert.ok(view.destinationOffset + view.addressLength <= view.l4Offset && view.destinationOffset > start);
  assert.is(view.tupleKnown, 1);
  if (view.innerIpVersion !== 0) {
    assert.ok(view.innerSourceOffset > view.l4Offset && view.innerL4Offset <= end);
    assert.ok(view.innerDestinationOffset + view.addressLength <= view.innerL4Offset);
  }
}

/** Of a fragment that is fit for reassembly, everything that the view points at is inside the packet. */
function assertFragmentInside({ view, start }: Place, length: number): void {
  const end = start + view.totalLength;
  assert.ok(end <= start + length && view.fragmentDataOffset > start && view.fragmentDataOffset < end);
  assert.ok(view.fragmentOffset + (end - view.fragmentDataOffset) <= 65_535);
  assert.ok(view.l4Offset >= view.fragmentDataOffset && view.l4Offset <= end);
  assert.is(view.isFragment, 1);
}

function fuzz(corpus: readonly Uint8Array[], count: number): void {
  const packet = new Uint8Array(MAX_BYTES);
  // The same packet four times: other garbage behind it, an odd offset (the parser's general way), nothing behind it.
  const zeros = new Place(MAX_BYTES + 100, 16, 0);
  const ones = new Place(MAX_BYTES + 100, 20, 0xff);
  const odd = new Place(MAX_BYTES + 100, 17, 0x45);
  const exact = Array.from({ length: MAX_BYTES + 1 }, (_, n) => new Place((n + 1) & ~1, 0, 0xa5));
  const output = new Uint8Array(1280);
  const verdicts = new Float64Array(PARSE_FAULTS.length);

  for (let n = 0; n < count; n++) {
    const length = makePacket(packet, corpus);
    const trusted = random(2);
    try {
      const verdict = zeros.parse(packet, length, trusted);
      for (const other of [ones, odd, exact[length]!]) {
        assert.is(other.parse(packet, length, trusted), verdict);
        assertSameView(zeros, other);
      }
      assert.ok(verdict in PARSE_FAULTS);
      verdicts[verdict]!++;
      if (verdict === PARSE_OK) assertInside(zeros, length);
      if (verdict === FAULT_FRAGMENT) assertFragmentInside(zeros, length);
      if (verdict === PARSE_OK) assertAnswersInside(zeros, trusted, output);
    } catch (error) {
      process.stdout.write(
        `# packet ${n} (trusted ${trusted}): ${Buffer.from(packet.subarray(0, length)).toString("hex")}\n`,
      );
      process.stdout.write(`# ${describePacket(packet, 0, length)}\n`);
      throw error;
    }
  }
  assert.is(
    verdicts.reduce((total, each) => total + each),
    count,
  );
  // The fuzzer is worth its time only if it reaches every fault.
  const missed = PARSE_FAULTS.filter((_, fault) => verdicts[fault] === 0);
  if (count >= 100_000) assert.equal(missed, [], "faults never reached");
}

/** What is sent in answer to a good packet is a good packet itself. */
function assertAnswersInside(place: Place, trusted: number, output: Uint8Array): void {
  const { view, bytes, halves, start } = place;
  const length = view.totalLength;
  const unreachable = emitUnreachable(bytes, view, output, 0);
  if (unreachable > 0) {
    const answer = new PacketView();
    const fault = parsePacket(output, new Uint16Array(output.buffer), 0, unreachable, 0, answer);
    // What it quotes may be cut within its headers, and the address that was sent to may be one that cannot send.
    assert.ok(["ok", "martian", "truncated-icmp-inner"].includes(PARSE_FAULTS[fault]!), PARSE_FAULTS[fault]!);
  }
  if (turnEchoIntoReply(bytes, view)) {
    const fault = parsePacket(bytes, halves, start, length, trusted, view);
    assert.ok(["ok", "martian"].includes(PARSE_FAULTS[fault]!), PARSE_FAULTS[fault]!);
  }
}

test("parsePacket, gives one verdict that nothing behind the packet changes, for random and mutated packets", () => {
  fuzz(built, Math.ceil(packetCount / 2));
});

captureTest(
  test,
  "parsePacket, gives one verdict that nothing behind the packet changes, for mutated captures",
  () => {
    const folders = [
      "icmp/icmp6-destunreach-ip6ext-udp",
      "icmp/icmp-destunreach-udp",
      "icmp/icmp6-nd-options",
    ];
    const checksums = ["ip6-hoa-tcp-good", "ip6-route0-udp-good", "ip4-tcp-good"].map(
      (name) => `checksums/${name}-chksum`,
    );
    const names = [...folders, ...checksums, "checksums/mip6-good-mh-chksum", "community-id/sctp", "raw_ip"];
    const captured = names.flatMap((name) => readPackets(`${name}.pcap`).slice(0, 20));
    fuzz([...built, ...captured], Math.floor(packetCount / 2));
  },
);

test.run();
