// The parser on constructed packets: what the view holds of a good one, and which fault each bad one has. What real
// packets get is in captures.test.ts, what any bytes get in test/fuzz/wire.test.ts.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatAddress } from "../../../core/wire/address.js";
import { PARSE_FAULTS, PacketView, parsePacket } from "../../../core/wire/packet.js";
import {
  addressBytes,
  icmpPacket,
  ipPacket,
  type PacketFields,
  parserBuffer,
  tcpPacket,
  udpPacket,
  word,
} from "../../support/packets.js";

const view = new PacketView();
const V6 = { source: "fd00::2", destination: "fd00::1" };

/** Parses the packet and returns the verdict's name; the fields are in `view`. */
function parse(packet: Uint8Array, trusted = false, length = packet.length): string {
  const { bytes, halves } = parserBuffer(packet);
  return PARSE_FAULTS[parsePacket(bytes, halves, 0, length, trusted, view)]!;
}

/** A copy with bytes from `at` on replaced. */
function changed(packet: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = packet.slice();
  copy.set(values, at);
  return copy;
}

function expectEach(cases: [verdict: string, packet: Uint8Array][]): void {
  for (const [verdict, packet] of cases) assert.is(parse(packet), verdict, `${verdict}: ${packet}`);
}

/** An IPv6 extension header of options, padded to a multiple of 8 bytes with Pad1. */
function optionsHeader(next: number, ...options: number[]): number[] {
  const units = Math.ceil((2 + options.length) / 8);
  return [next, units - 1, ...options, ...new Array<number>(units * 8 - 2 - options.length).fill(0)];
}

function fragmentHeader(next: number, offset: number, more: number, identification: number): number[] {
  return [next, 0, ...word(offset | more), ...word(identification >>> 16), ...word(identification)];
}

function routingHeader(next: number, type: number, segmentsLeft: number, ...addresses: string[]): number[] {
  return [next, 2 * addresses.length, type, segmentsLeft, 0, 0, 0, 0, ...addresses.flatMap(addressBytes)];
}

/** A TCP packet with extension headers; the checksum is over `fields`' addresses. */
function extended(firstHeader: number, extensions: number[], fields: PacketFields = V6): Uint8Array {
  return ipPacket({ ...fields, protocol: 6, firstHeader, extensions }, tcpPacket(fields).subarray(40));
}

test("parsePacket, fills the whole view, for TCP over IPv4, by the shortcut and without it", () => {
  const packet = tcpPacket({ identification: 7 }, [1, 2, 3], 0x12);
  for (const offset of [0, 1]) {
    const bytes = new Uint8Array(packet.length + 2);
    bytes.set(packet, offset);
    const fault = parsePacket(
      bytes,
      new Uint16Array(bytes.buffer, 0, bytes.length >> 1),
      offset,
      packet.length,
      0,
      view,
    );
    assert.is(fault, 0);
    const expected = new PacketView();
    Object.assign(expected, {
      offset,
      ipVersion: 4,
      totalLength: 43,
      addressLength: 4,
      protocol: 6,
      identification: 7,
    });
    Object.assign(expected, {
      sourceOffset: offset + 12,
      destinationOffset: offset + 16,
      l4Offset: offset + 20,
    });
    Object.assign(expected, {
      l4Length: 23,
      tupleKnown: 1,
      sourcePort: 40_000,
      destinationPort: 80,
      tcpFlags: 0x12,
    });
    assert.equal(view, expected);
  }
});

test("parsePacket, finds the same tuple, for TCP and UDP over IPv4 and IPv6", () => {
  for (const [packet, version, port, l4Offset] of [
    [tcpPacket(), 4, 80, 20],
    [udpPacket(), 4, 53, 20],
    [tcpPacket(V6), 6, 80, 40],
    [udpPacket(V6), 6, 53, 40],
  ] as const) {
    assert.is(parse(packet), "ok");
    assert.equal([view.ipVersion, view.sourcePort, view.destinationPort], [version, 40_000, port]);
    assert.equal([view.l4Offset, view.totalLength, view.tupleKnown], [l4Offset, packet.length, 1]);
  }
});

test("parsePacket, leaves link padding out", () => {
  const padded = new Uint8Array(60);
  padded.set(tcpPacket({}, [1]));
  padded.fill(0xee, 41);
  assert.is(parse(padded), "ok");
  assert.equal([view.totalLength, view.l4Length], [41, 21]);
});

test("parsePacket, shows nothing of the packet before, after any fault", () => {
  parse(
    icmpPacket({}, 3, 3, [0, 0, 0, 0, ...udpPacket({ source: "198.18.0.1", destination: "198.18.0.2" })]),
  );
  assert.is(view.innerIpVersion, 4);
  assert.is(parse(new Uint8Array(0)), "truncated");
  const clean = new PacketView();
  assert.equal([view.ipVersion, view.tupleKnown, view.innerIpVersion], [0, 0, 0]);
  assert.equal(
    [view.icmpType, view.sourcePort, view.protocol],
    [clean.icmpType, clean.sourcePort, clean.protocol],
  );
});

test("parsePacket, names each fault of an IPv4 header", () => {
  const good = tcpPacket();
  const route = [137, 11, 4, 9, 9, 9, 9, 1, 2, 3, 4, 0];
  expectEach([
    ["truncated", good.subarray(0, 19)],
    ["truncated", good.subarray(0, 39)],
    ["bad-version", changed(good, 0, 0x55)],
    ["bad-header-length", changed(good, 0, 0x44)],
    ["truncated", changed(good.subarray(0, 20), 0, 0x46)],
    ["bad-total-length", ipPacket({ lengthField: 19 }, [])],
    ["bad-total-length", ipPacket({ lengthField: 0 }, good.subarray(20))],
    ["bad-ipv4-checksum", changed(good, 8, 63)],
    ["bad-ipv4-option", ipPacket({ options: [7, 1, 0, 0] }, good.subarray(20))],
    ["bad-ipv4-option", ipPacket({ options: [7, 5, 0, 0] }, good.subarray(20))],
    ["bad-ipv4-option", ipPacket({ options: [1, 1, 1, 7] }, good.subarray(20))],
    ["source-routed", ipPacket({ options: [1, 131, 3, 4] }, good.subarray(20))],
    ["source-routed", ipPacket({ options: [137, 7, 8, 1, 2, 3, 4, 0] }, good.subarray(20))], // At its end.
    ["source-routed", ipPacket({ options: route }, tcpPacket({ destination: "1.2.3.4" }).subarray(20))],
    ["bad-tcp-checksum", ipPacket({ options: route }, good.subarray(20))], // It is over the final destination.
    ["bad-ipv4-option", ipPacket({ options: [131, 6, 4, 1, 2, 3, 4, 0] }, good.subarray(20))],
    ["bad-ipv4-option", ipPacket({ options: [131, 2, 1, 1] }, good.subarray(20))],
    ["ok", ipPacket({ options: [148, 4, 0, 0, 0, 131, 1, 1] }, good.subarray(20))], // Behind "end of list".
  ]);
});

test("parsePacket, names each fault of TCP, UDP and ICMP", () => {
  const tcp = tcpPacket({}, [1, 2]);
  const udp = udpPacket({}, [1, 2]);
  const udp6 = udpPacket(V6);
  const echo = icmpPacket({}, 8, 0, [0, 1, 0, 1]);
  expectEach([
    ["truncated-tcp", ipPacket({ protocol: 6 }, tcp.subarray(20, 39))],
    ["bad-tcp-header", changed(tcp, 32, 0x40)],
    ["bad-tcp-header", changed(tcp, 32, 0x60)],
    ["bad-tcp-checksum", changed(tcp, 40, 3)],
    ["truncated-udp", ipPacket({ protocol: 17 }, udp.subarray(20, 27))],
    ["bad-udp-length", changed(udp, 24, 0, 7)],
    ["bad-udp-length", changed(udp, 24, 0, 11)],
    ["bad-udp-checksum", changed(udp, 28, 9)],
    ["ok", changed(udp, 26, 0, 0)],
    ["missing-udp-checksum", changed(udp6, 46, 0, 0)],
    ["truncated-icmp", ipPacket({ protocol: 1 }, echo.subarray(20, 27))],
    ["bad-icmp-checksum", changed(echo, 27, 9)],
    ["unsupported-protocol", ipPacket({ protocol: 58 }, echo.subarray(20))],
    ["unsupported-protocol", ipPacket({ ...V6, protocol: 1 }, echo.subarray(20))],
    ["no-upper-layer", ipPacket({ ...V6, protocol: 59 }, [])],
    ["truncated-tcp", ipPacket({ ...V6, protocol: 6 }, [])],
  ]);
});

test("parsePacket, cuts the datagram at the UDP length", () => {
  const udp = udpPacket({}, [1, 2]);
  assert.is(parse(ipPacket({ protocol: 17 }, [...udp.subarray(20), 0xff, 0xff])), "ok");
  assert.is(view.l4Length, 10);
});

test("parsePacket, spares the L4 checksum and not IPv4's, if the link vouches for it", () => {
  assert.is(parse(changed(tcpPacket(), 36, 1, 2), true), "ok");
  assert.is(parse(changed(udpPacket(V6), 46, 0, 0), true), "ok");
  assert.is(parse(changed(icmpPacket({}, 8, 0, [0, 0, 0, 1]), 22, 1, 2), true), "ok");
  assert.is(parse(changed(tcpPacket(), 8, 63), true), "bad-ipv4-checksum");
});

test("parsePacket, refuses martians, and reports a bad checksum before that", () => {
  const martians = [
    "0.0.0.0",
    "0.1.2.3",
    "127.0.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "198.18.0.1",
  ];
  for (const source of martians) assert.is(parse(tcpPacket({ source })), "martian", source);
  for (const source of ["::", "::1", "::ffff:c612:1", "ff02::1", "fd00::1"]) {
    assert.is(parse(tcpPacket({ ...V6, source })), "martian", source);
  }
  for (const destination of ["127.0.0.1", "224.0.0.1", "255.255.255.255"]) {
    assert.is(parse(tcpPacket({ destination })), "martian", destination);
  }
  for (const destination of ["::", "::1", "ff02::1"])
    assert.is(parse(tcpPacket({ ...V6, destination })), "martian");
  assert.is(parse(udpPacket({ destination: "224.0.0.251" })), "ok");
  assert.is(parse(udpPacket({ ...V6, destination: "ff02::fb" })), "ok");
  assert.is(parse(udpPacket({ ...V6, source: "::2" })), "ok");
  assert.is(parse(changed(tcpPacket({ source: "127.0.0.1" }), 36, 1, 2)), "bad-tcp-checksum");
});

test("parsePacket, takes neighbour discovery without a source address, and nothing else", () => {
  const fields = { source: "::", destination: "ff02::1" };
  assert.is(parse(icmpPacket(fields, 135, 0, new Array<number>(20).fill(0))), "ok");
  assert.is(parse(icmpPacket(fields, 128, 0, [0, 0, 0, 1])), "martian");
});

test("parsePacket, walks extension headers, up to the most that there may be", () => {
  const padding = optionsHeader(60, 1, 4, 0, 0, 0, 0);
  const last = optionsHeader(6, 1, 4, 0, 0, 0, 0);
  for (const count of [1, 8]) {
    const packet = extended(60, [...new Array(count - 1).fill(padding).flat(), ...last]);
    assert.is(parse(packet), "ok");
    assert.equal([view.l4Offset, view.l4Length, view.protocol], [40 + 8 * count, 20, 6]);
  }
  assert.is(
    parse(extended(60, [...new Array(8).fill(padding).flat(), ...last])),
    "too-many-extension-headers",
  );
});

test("parsePacket, walks extension headers of 512 bytes in all, and no more", () => {
  const padding = (next: number, bytes: number) =>
    optionsHeader(next, ...new Array<number>(bytes - 2).fill(0));
  assert.is(parse(extended(60, padding(6, 512))), "ok");
  assert.is(view.l4Offset, 40 + 512);
  assert.is(parse(extended(60, padding(6, 520))), "too-many-extension-headers");
  assert.is(parse(extended(60, [...padding(60, 256), ...padding(6, 256)])), "ok");
  assert.is(parse(extended(60, [...padding(60, 512), ...padding(6, 8)])), "too-many-extension-headers");
});

test("parsePacket, names each fault of an extension header", () => {
  const padded = optionsHeader(6, 1, 4, 0, 0, 0, 0);
  const nested = [...fragmentHeader(44, 0, 1, 1), ...fragmentHeader(6, 0, 0, 1)];
  expectEach([
    ["ok", extended(0, optionsHeader(6, 5, 2, 0, 0))], // Router alert.
    ["bad-extension-header", extended(60, [...optionsHeader(0), ...padded])], // Hop-by-hop comes first.
    ["bad-extension-header", extended(60, [6, 9, 0, 0, 0, 0, 0, 0])],
    ["bad-extension-header", ipPacket({ ...V6, protocol: 60 }, [6, 0, 0, 0])],
    ["bad-extension-header", extended(60, [6, 0, 1, 9, 0, 0, 0, 0])],
    ["bad-extension-header", extended(60, [6, 0, 0, 0, 0, 0, 0, 1])],
    ["truncated", extended(60, [6, 9, 0, 0, 0, 0, 0, 0]).subarray(0, 60)],
    ["ok", extended(60, optionsHeader(6, 0x1e, 2, 0, 0))], // Unknown, and may be skipped.
    ["unsupported-extension", extended(60, optionsHeader(6, 0x5e, 2, 0, 0))],
    ["unsupported-extension", extended(0, optionsHeader(6, 0xc9, 16, ...new Array<number>(16).fill(1)))],
    ["bad-extension-header", extended(60, optionsHeader(6, 0xc9, 4, 1, 1, 1, 1))],
    ["bad-total-length", extended(0, optionsHeader(6, 0xc2, 4, 0, 1, 0, 0))],
    [
      "bad-extension-header",
      ipPacket({ ...V6, firstHeader: 44, extensions: nested }, new Array<number>(16).fill(0)),
    ],
  ]);
});

test("parsePacket, refuses a routing header with segments left, after it has checked the checksum", () => {
  const final = { ...V6, destination: "fd00::9" };
  const atHop = (extensions: number[], segment: Uint8Array) =>
    ipPacket({ ...V6, protocol: 6, firstHeader: 43, extensions }, segment);
  const segment = tcpPacket(final).subarray(40);
  for (const extensions of [
    routingHeader(6, 0, 1, "fd00::8", "fd00::9"),
    routingHeader(6, 4, 1, "fd00::9", "fd00::8"),
  ]) {
    assert.is(parse(atHop(extensions, segment)), "source-routed");
    const { bytes } = parserBuffer(atHop(extensions, segment));
    assert.is(formatAddress(bytes, view.destinationOffset, 16), "fd00::9");
    assert.is(parse(atHop(extensions, changed(segment, 4, 9))), "bad-tcp-checksum");
  }
  assert.is(parse(extended(43, routingHeader(6, 0, 0, "fd00::8"))), "ok"); // At its end.
  assert.is(parse(extended(43, routingHeader(6, 0, 2, "fd00::8"))), "bad-extension-header");
  assert.is(parse(extended(43, [6, 1, 0, 1, ...new Array<number>(12).fill(0)])), "bad-extension-header");
  assert.is(parse(extended(43, routingHeader(6, 3, 1, "fd00::8"))), "unsupported-extension");
});

test("parsePacket, refuses a home address, whose checksum is over it", () => {
  const home = { ...V6, source: "fd00::77" };
  const extensions = optionsHeader(6, 1, 2, 0, 0, 0xc9, 16, ...addressBytes("fd00::77"));
  const fields = { ...V6, protocol: 6, firstHeader: 60, extensions };
  assert.is(parse(ipPacket(fields, tcpPacket(home).subarray(40))), "home-address");
  assert.is(parse(ipPacket(fields, tcpPacket(V6).subarray(40))), "bad-tcp-checksum");
});

test("parsePacket, reports fragments with what reassembly needs, and the first one's ports", () => {
  const segment = tcpPacket({}, [1, 2, 3, 4]).subarray(20);
  assert.is(parse(ipPacket({ fragment: 0x2000, identification: 0xbeef }, segment)), "fragment");
  assert.equal([view.isFragment, view.fragmentOffset, view.moreFragments], [1, 0, 1]);
  assert.equal(
    [view.identification, view.tupleKnown, view.destinationPort, view.l4Length],
    [0xbeef, 1, 80, 24],
  );
  assert.equal([view.fragmentDataOffset, view.fragmentProtocol], [20, 6]);
  assert.is(parse(ipPacket({ fragment: 3 }, segment)), "fragment");
  assert.equal(
    [view.fragmentOffset, view.moreFragments, view.tupleKnown, view.destinationPort],
    [24, 0, 0, 0],
  );

  const extensions = fragmentHeader(6, 0, 1, 0xdeadbeef);
  assert.is(parse(ipPacket({ ...V6, firstHeader: 44, extensions }, segment)), "fragment");
  assert.equal(
    [view.identification >>> 0, view.tupleKnown, view.protocol, view.l4Offset],
    [0xdeadbeef, 1, 6, 48],
  );
  assert.equal([view.fragmentDataOffset, view.fragmentProtocol], [48, 6]);
  // What the first fragment's data begin with may itself be an extension header.
  const split = [...fragmentHeader(60, 0, 1, 1), ...optionsHeader(6, 1, 4, 0, 0, 0, 0)];
  assert.is(parse(ipPacket({ ...V6, firstHeader: 44, extensions: split }, segment)), "fragment");
  assert.equal(
    [view.fragmentDataOffset, view.fragmentProtocol, view.l4Offset, view.protocol],
    [48, 60, 56, 6],
  );
  // The data of a later fragment is not a header, whatever its number.
  const later = fragmentHeader(60, 8, 0, 1);
  assert.is(parse(ipPacket({ ...V6, firstHeader: 44, extensions: later }, [6, 99, 0])), "fragment");
  assert.equal([view.fragmentOffset, view.tupleKnown, view.protocol, view.l4Length], [8, 0, 60, 3]);
  assert.is(parse(extended(44, fragmentHeader(6, 0, 0, 5))), "ok"); // Atomic: whole (RFC 6946).
  assert.is(view.isFragment, 0);
});

test("parsePacket, refuses fragments that fit into no packet", () => {
  const eight = new Array<number>(8).fill(0);
  const v6 = (offset: number, more: number, data: number[]) =>
    ipPacket({ ...V6, firstHeader: 44, extensions: fragmentHeader(6, offset, more, 1) }, data);
  expectEach([
    ["bad-fragment", ipPacket({ fragment: 0x2000 }, [])],
    ["bad-fragment", ipPacket({ fragment: 0x2000 }, [1, 2, 3])],
    ["bad-fragment", ipPacket({ fragment: 0x1fff }, eight)],
    ["fragment", ipPacket({ fragment: 8188 }, [...eight, 0, 0, 0])], // 20 + 65504 + 11 = 65535
    ["bad-fragment", ipPacket({ fragment: 8188 }, [...eight, 0, 0, 0, 0])],
    ["bad-fragment", v6(0, 1, [])],
    ["bad-fragment", v6(8, 1, [1])],
    ["fragment", v6(65_528, 0, [1, 2, 3, 4, 5, 6, 7])],
    ["bad-fragment", v6(65_528, 0, eight)],
  ]);
});

test("parsePacket, tells the tuple of what it refuses, where it can be read", () => {
  assert.is(parse(ipPacket({ protocol: 132 }, [0, 7, 0, 9, 0, 0, 0, 0])), "unsupported-protocol");
  assert.equal([view.tupleKnown, view.sourcePort, view.destinationPort], [1, 7, 9]);
  assert.is(parse(ipPacket({ protocol: 132 }, [0, 7])), "unsupported-protocol");
  assert.is(view.tupleKnown, 0);
  assert.is(parse(ipPacket({ protocol: 46 }, [])), "unsupported-protocol");
  assert.equal([view.tupleKnown, view.sourcePort], [1, 0]);
  assert.is(parse(tcpPacket({}, [1, 2, 3]).subarray(0, 26)), "truncated");
  assert.equal([view.tupleKnown, view.destinationPort], [1, 80]);
  assert.is(parse(tcpPacket({}, [1, 2, 3]).subarray(0, 23)), "truncated");
  assert.equal([view.tupleKnown, view.destinationPort], [0, 0]);
});

test("parsePacket, reads the packet inside an ICMP error, in both versions", () => {
  const back = { source: "198.18.0.1", destination: "198.18.0.9" };
  const back6 = { source: "fd00::1", destination: "fd00::9" };
  for (const [packet, at] of [
    [icmpPacket({}, 11, 0, [0, 0, 0, 0, ...tcpPacket(back).subarray(0, 28)]), 28],
    [icmpPacket(V6, 2, 0, [0, 0, 5, 0, ...tcpPacket(back6).subarray(0, 48)]), 48],
  ] as const) {
    assert.is(parse(packet), "ok");
    const length = view.addressLength;
    assert.equal([view.innerTupleKnown, view.innerProtocol], [1, 6]);
    assert.equal([view.innerSourcePort, view.innerDestinationPort], [40_000, 80]);
    assert.is(view.innerL4Offset, at + (length === 4 ? 20 : 40));
    const destination = formatAddress(packet, view.innerDestinationOffset, length);
    assert.is(destination, length === 4 ? "198.18.0.9" : "fd00::9");
  }
});

test("parsePacket, names each fault of the packet inside an ICMP error", () => {
  const inner = tcpPacket({ source: "198.18.0.1", destination: "198.18.0.9" });
  const inner6 = extended(60, optionsHeader(6), { source: "fd00::1", destination: "fd00::9" });
  const error = (quote: ArrayLike<number>) => icmpPacket({}, 3, 1, [0, 0, 0, 0, ...Array.from(quote)]);
  const error6 = (quote: ArrayLike<number>) => icmpPacket(V6, 1, 0, [0, 0, 0, 0, ...Array.from(quote)]);
  const headers = new Array(9).fill(optionsHeader(60)).flat();
  expectEach([
    ["missing-icmp-inner", error([])],
    ["missing-icmp-inner", error6([])],
    ["truncated-icmp-inner", error(inner.subarray(0, 19))],
    ["truncated-icmp-inner", error(inner.subarray(0, 27))],
    ["ok", error(inner.subarray(0, 28))],
    ["truncated-icmp-inner", error(changed(inner.subarray(0, 28), 0, 0x4f))],
    ["bad-icmp-inner", error(changed(inner, 0, 0x44))],
    ["bad-icmp-inner", error(inner6)],
    ["bad-icmp-inner", error6(inner)],
    ["truncated-icmp-inner", error6(inner6.subarray(0, 39))],
    ["truncated-icmp-inner", error6(inner6.subarray(0, 47))],
    ["truncated-icmp-inner", error6(inner6.subarray(0, 55))],
    ["ok", error6(inner6.subarray(0, 56))],
    ["truncated-icmp-inner", error6(ipPacket({ ...V6, protocol: 60 }, headers))],
  ]);
});

test("parsePacket, knows no ports, of a later fragment inside an ICMP error", () => {
  const inner = ipPacket({ source: "198.18.0.1", destination: "198.18.0.9", fragment: 100 }, [0, 80, 0, 80]);
  assert.is(parse(icmpPacket({}, 11, 1, [0, 0, 0, 0, ...inner])), "ok");
  assert.equal([view.innerIpVersion, view.innerTupleKnown, view.innerSourcePort], [4, 0, 0]);
  const extensions = fragmentHeader(6, 8, 1, 1);
  const inner6 = ipPacket(
    { source: "fd00::1", destination: "fd00::9", firstHeader: 44, extensions },
    [0, 80],
  );
  assert.is(parse(icmpPacket(V6, 3, 1, [0, 0, 0, 0, ...inner6])), "ok");
  assert.equal([view.innerIpVersion, view.innerTupleKnown, view.innerSourcePort], [6, 0, 0]);
});

test("PARSE_FAULTS, has distinct names, each in kebab case", () => {
  assert.is(new Set(PARSE_FAULTS).size, PARSE_FAULTS.length);
  for (const name of PARSE_FAULTS) assert.match(name, /^[a-z0-9]+(-[a-z0-9]+)*$/);
});

test.run();
