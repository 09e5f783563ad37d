// Everything that core/wire writes is read back by its parser, checksums verified, and compared with what was asked for.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseAddress } from "../../../core/wire/address.js";
import { sumPseudoHeader } from "../../../core/wire/checksum.js";
import {
  emitUnreachable,
  MAX_ICMP_ERROR_BYTES,
  MAX_ICMPV6_ERROR_BYTES,
  turnEchoIntoReply,
} from "../../../core/wire/icmp.js";
import { emitIpv4Header, ipv4Ttl } from "../../../core/wire/ipv4.js";
import { emitIpv6Header, ipv6HopLimit } from "../../../core/wire/ipv6.js";
import { PARSE_FAULTS, PacketView, parsePacket } from "../../../core/wire/packet.js";
import { describePacket } from "../../../core/wire/pretty.js";
import { emitUdpHeader } from "../../../core/wire/udp.js";
import { captureTest, readPackets } from "../../support/captures.js";
import {
  icmpPacket,
  ipPacket,
  type PacketFields,
  parserBuffer,
  tcpPacket,
  udpPacket,
} from "../../support/packets.js";

const view = new PacketView();
const V6 = { source: "fd00::2", destination: "fd00::1" };
const octets = (count: number) => Array.from({ length: count }, (_, i) => (i * 7) & 0xff);

function parse(packet: Uint8Array): string {
  const { bytes, halves } = parserBuffer(packet);
  return PARSE_FAULTS[parsePacket(bytes, halves, 0, packet.length, false, view)]!;
}

/** A datagram from fd00::a or 10.0.0.10, port 53, to …b or ….11, port 9, as core/wire writes it, at `offset`. */
function emitDatagram(isIpv6: boolean, payload: number[], offload: boolean, offset: number): Uint8Array {
  const addresses = isIpv6
    ? Uint8Array.of(...parseAddress("fd00::a")!, ...parseAddress("fd00::b")!)
    : Uint8Array.of(10, 0, 0, 10, 10, 0, 0, 11);
  const size = isIpv6 ? 16 : 4;
  const l4 = offset + (isIpv6 ? 40 : 20);
  const bytes = new Uint8Array(l4 + 8 + payload.length).fill(0xee);
  bytes.set(payload, l4 + 8);
  if (isIpv6) emitIpv6Header(bytes, offset, 8 + payload.length, 17, 64, addresses, 0, 16);
  else emitIpv4Header(bytes, offset, 28 + payload.length, 17, 0x1234, 64, addresses, 0, 4);
  const source = l4 - 2 * size;
  emitUdpHeader(bytes, l4, 53, 9, payload.length, source, source + size, size, offload);
  return bytes.subarray(offset);
}

test("emitUdpHeader, writes the packet that was asked for, over both IP versions, at any offset", () => {
  for (const isIpv6 of [false, true]) {
    for (const length of [0, 1, 2, 1000]) {
      const payload = octets(length);
      const fields = isIpv6
        ? { source: "fd00::a", destination: "fd00::b" }
        : { source: "10.0.0.10", destination: "10.0.0.11", identification: 0x1234 };
      const expected = udpPacket(fields, payload);
      const l4 = expected.length - 8 - length;
      expected.set([0, 53, 0, 9], l4); // The builder's ports are others; the checksum is the parser's to judge.
      for (const offset of [0, 3]) {
        const packet = emitDatagram(isIpv6, payload, false, offset);
        expected.set(packet.subarray(l4 + 6, l4 + 8), l4 + 6);
        assert.equal(packet, expected);
        assert.is(parse(packet), "ok");
      }
    }
  }
});

test("emitUdpHeader, writes all ones, where the checksum comes to 0", () => {
  // The last word is chosen so that it does; 0 there would say "none", and be refused over IPv6.
  const without = emitDatagram(true, [0, 0], false, 0);
  const packet = emitDatagram(true, [without[46]!, without[47]!], false, 0);
  assert.equal([packet[46], packet[47]], [0xff, 0xff]);
  assert.is(parse(packet), "ok");
});

test("emitUdpHeader, writes the pseudo-header's sum and nothing more, with checksum offload", () => {
  for (const isIpv6 of [false, true]) {
    const packet = emitDatagram(isIpv6, octets(9), true, 0);
    const [source, length] = isIpv6 ? [8, 16] : [12, 4];
    const field = isIpv6 ? 46 : 26;
    const sum = sumPseudoHeader(packet, source, source + length, length, 17, 17);
    assert.is((packet[field]! << 8) | packet[field + 1]!, sum);
  }
});

test("turnEchoIntoReply, makes a valid reply with the same payload, in both versions, at odd lengths too", () => {
  for (const fields of [{ ttl: 3 }, { ...V6, ttl: 3 }] as PacketFields[]) {
    for (const length of [0, 1, 56, 1001]) {
      const isIpv6 = fields === V6 || fields.source !== undefined;
      const rest = [0x12, 0x34, 0, 1, ...octets(length)];
      const { bytes, halves } = parserBuffer(icmpPacket(fields, isIpv6 ? 128 : 8, 0, rest));
      assert.is(parsePacket(bytes, halves, 0, bytes.length, false, view), 0);
      assert.is(turnEchoIntoReply(bytes, view), true);
      const [source, destination] = isIpv6 ? [V6.source, V6.destination] : ["198.18.0.2", "198.18.0.1"];
      const back = { source: destination!, destination: source!, ttl: 64 };
      assert.equal(bytes, icmpPacket(back, isIpv6 ? 129 : 0, 0, rest));
    }
  }
});

test("turnEchoIntoReply, keeps IPv4 options and IPv6 extension headers valid", () => {
  const message = icmpPacket({}, 8, 0, [0, 1, 0, 1]).subarray(20);
  const message6 = icmpPacket(V6, 128, 0, [0, 1, 0, 1]).subarray(40);
  for (const packet of [
    ipPacket({ protocol: 1, options: [148, 4, 0, 0] }, message),
    ipPacket({ ...V6, protocol: 58, firstHeader: 60, extensions: [58, 0, 1, 4, 0, 0, 0, 0] }, message6),
  ]) {
    const { bytes, halves } = parserBuffer(packet);
    parsePacket(bytes, halves, 0, bytes.length, false, view);
    assert.ok(turnEchoIntoReply(bytes, view));
    assert.is(parse(bytes), "ok");
  }
});

test("turnEchoIntoReply, refuses and changes nothing, of what is no request or went to a group", () => {
  for (const packet of [
    icmpPacket({}, 0, 0, [0, 0, 0, 0]),
    icmpPacket(V6, 129, 0, [0, 0, 0, 0]),
    icmpPacket({ destination: "224.0.0.1" }, 8, 0, [0, 0, 0, 0]),
    icmpPacket({ destination: "255.255.255.255" }, 8, 0, [0, 0, 0, 0]),
    icmpPacket({ ...V6, destination: "ff02::1" }, 128, 0, [0, 0, 0, 0]),
    tcpPacket(),
  ]) {
    const { bytes, halves } = parserBuffer(packet);
    parsePacket(bytes, halves, 0, bytes.length, false, view);
    assert.is(turnEchoIntoReply(bytes, view), false);
    assert.equal(bytes, packet);
  }
});

captureTest(test, "turnEchoIntoReply, answers every request of the ping captures with a valid reply", () => {
  let replies = 0;
  for (const name of ["5-pings", "icmp-ping", "icmp6-ping"]) {
    for (const packet of readPackets(`icmp/${name}.pcap`)) {
      const { bytes, halves } = parserBuffer(packet);
      parsePacket(bytes, halves, 0, bytes.length, false, view);
      if (!turnEchoIntoReply(bytes, view)) continue;
      assert.is(parse(bytes.subarray(0, view.totalLength)), "ok");
      assert.is(view.ipVersion === 4 ? ipv4Ttl(bytes, 0) : ipv6HopLimit(bytes, 0), 64);
      replies++;
    }
  }
  assert.is(replies, 5 + 2 + 4);
});

test("emitUnreachable, quotes the packet whole, and is found to be about it", () => {
  for (const [fields, kind] of [
    [{}, [3, 3]],
    [V6, [1, 4]],
  ] as const) {
    const { bytes, halves } = parserBuffer(udpPacket(fields, octets(31)));
    parsePacket(bytes, halves, 0, bytes.length, false, view);
    const output = new Uint8Array(MAX_ICMPV6_ERROR_BYTES + 4);
    const length = emitUnreachable(bytes, view, output, 4);
    const headersLength = view.ipVersion === 4 ? 28 : 48;
    assert.is(length, headersLength + bytes.length);
    assert.equal(output.subarray(4 + headersLength, 4 + length), bytes);
    assert.is(parse(output.subarray(4, 4 + length)), "ok");
    assert.equal([view.icmpType, view.icmpCode], kind);
    assert.equal([view.innerTupleKnown, view.innerSourcePort, view.innerDestinationPort], [1, 40_000, 53]);
    assert.is(
      output.subarray(4 + length).every((byte) => byte === 0),
      true,
    );
  }
});

test("emitUnreachable, quotes as much as fits in the longest error, and nothing of the padding", () => {
  for (const [fields, longest] of [
    [{}, MAX_ICMP_ERROR_BYTES],
    [V6, MAX_ICMPV6_ERROR_BYTES],
  ] as const) {
    const { bytes, halves } = parserBuffer(udpPacket(fields, octets(1400)));
    parsePacket(bytes, halves, 0, bytes.length, false, view);
    const output = new Uint8Array(longest);
    assert.is(emitUnreachable(bytes, view, output, 0), longest);
    assert.is(parse(output), "ok");
  }
  const { bytes, halves } = parserBuffer(Uint8Array.of(...udpPacket({}, [1]), 0, 0, 0, 0));
  parsePacket(bytes, halves, 0, bytes.length, false, view);
  assert.is(emitUnreachable(bytes, view, new Uint8Array(576), 0), 28 + 29);
});

test("emitUnreachable, stays silent, where an error must not be answered", () => {
  const about = udpPacket({ source: "198.18.0.1", destination: "198.18.0.2" });
  const silent = [
    icmpPacket({}, 3, 3, [0, 0, 0, 0, ...about]),
    udpPacket({ destination: "224.0.0.251" }),
    udpPacket({ destination: "255.255.255.255" }),
    udpPacket({ ...V6, destination: "ff02::fb" }),
    udpPacket({ ...V6, source: "::" }),
    udpPacket({ source: "224.0.0.1" }),
    ipPacket({ protocol: 17, fragment: 1 }, octets(16)),
  ];
  for (const packet of silent) {
    const { bytes, halves } = parserBuffer(packet);
    parsePacket(bytes, halves, 0, bytes.length, false, view);
    const output = new Uint8Array(1280);
    assert.is(emitUnreachable(bytes, view, output, 0), 0, describePacket(packet));
    assert.is(
      output.every((byte) => byte === 0),
      true,
    );
  }
});

test("describePacket, says in one line what a packet is, and what is wrong with it", () => {
  const cases: [Uint8Array, string][] = [
    [
      tcpPacket({}, [1, 2]),
      "IP 198.18.0.2.40000 > 198.18.0.1.80: TCP [P.], seq 1, ack 2, win 64240, length 2 (ttl 64)",
    ],
    [udpPacket(V6, [1]), "IP6 fd00::2.40000 > fd00::1.53: UDP, length 1 (hlim 64)"],
    [Uint8Array.of(0x12), "no IP packet, 1 bytes [bad-version]"],
    [
      ipPacket({ fragment: 0x2001, identification: 9 }, octets(8)),
      "IP 198.18.0.2 > 198.18.0.1: TCP, frag id 9 offset 8+, length 8 (ttl 64) [fragment]",
    ],
    [
      icmpPacket({}, 3, 3, [0, 0, 0, 0, ...udpPacket({ source: "198.18.0.1", destination: "9.9.9.9" })]),
      "IP 198.18.0.2 > 198.18.0.1: ICMP type 3 code 3, length 39, about UDP 198.18.0.1.40000 > 9.9.9.9.53 (ttl 64)",
    ],
  ];
  for (const [packet, expected] of cases) {
    assert.is(describePacket(packet), expected);
    // In the midst of a larger buffer too.
    assert.is(describePacket(Uint8Array.of(0xee, ...packet, 0xee), 1, packet.length), expected);
  }
});

test.run();
