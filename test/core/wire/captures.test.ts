// The parser on real packets: the verdict that each capture's packets get, and tuples that agree with other programs'.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatAddress } from "../../../core/wire/address.js";
import { PARSE_FAULTS, PacketView, parsePacket } from "../../../core/wire/packet.js";
import { CAPTURE_VERDICTS } from "../../support/capture-verdicts.js";
import { CAPTURES, captureTest, readPackets } from "../../support/captures.js";
import { communityId, type FlowTuple } from "../../support/community-id.js";
import { parserBuffer } from "../../support/packets.js";

const view = new PacketView();

function countVerdicts(name: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const packet of readPackets(name)) {
    const { bytes, halves } = parserBuffer(packet);
    const verdict = PARSE_FAULTS[parsePacket(bytes, halves, 0, packet.length, false, view)]!;
    counts[verdict] = (counts[verdict] ?? 0) + 1;
  }
  return counts;
}

captureTest(test, "parsePacket, gives every packet of every capture the verdict that it must have", () => {
  for (const [name, expected] of Object.entries(CAPTURE_VERDICTS))
    assert.equal(countVerdicts(name), expected, name);
});

captureTest(test, "parsePacket, tells a bad checksum from a good one, in every pair of captures", () => {
  const pairs = Object.keys(CAPTURE_VERDICTS).filter((name) => name.includes("-good-"));
  assert.is(pairs.length, 12);
  for (const good of pairs) {
    const bad = good.replace("-good-", "-bad-");
    const names = Object.keys(countVerdicts(bad));
    assert.match(names[0]!, /^bad-(tcp|udp|icmp|mobility)-checksum$/, bad);
    assert.not.match(Object.keys(countVerdicts(good))[0]!, /checksum/, good);
  }
});

captureTest(
  test,
  "parsePacket, finds 50 packets of each version in raw_ip and 1,859 fragments in ip-frag",
  () => {
    const versions = readPackets("raw_ip.pcap").map((packet) => packet[0]! >>> 4);
    assert.equal([versions.filter((v) => v === 4).length, versions.filter((v) => v === 6).length], [50, 50]);
    assert.is(countVerdicts("ip-frag.pcap").fragment, 1859);
  },
);

// Community ID treats ICMP types that ask and those that answer as two ports.

const ICMP_PAIRS = [
  [8, 0],
  [13, 14],
  [15, 16],
  [17, 18],
  [10, 9],
];
const ICMPV6_PAIRS = [
  [128, 129],
  [133, 134],
  [135, 136],
  [130, 131],
  [144, 145],
  [139, 140],
];

/** The flow of the packet in the view, with ICMP's types as ports, and whether its two ends may change places. */
function flowOf(bytes: Uint8Array): { flow: FlowTuple; oneWay: boolean } {
  const isIcmp = view.icmpType >= 0;
  const pairs = view.protocol === 1 ? ICMP_PAIRS : ICMPV6_PAIRS;
  const pair = pairs.find((types) => types.includes(view.icmpType));
  const counterpart = pair?.[0] === view.icmpType ? pair[1] : pair?.[0];
  const hasPorts = [6, 17, 132].includes(view.protocol);
  const flow = {
    proto: view.protocol,
    saddr: formatAddress(bytes, view.sourceOffset, view.addressLength),
    daddr: formatAddress(bytes, view.destinationOffset, view.addressLength),
    sport: isIcmp ? view.icmpType : hasPorts ? view.sourcePort : null,
    dport: isIcmp ? (counterpart ?? view.icmpCode) : hasPorts ? view.destinationPort : null,
  };
  return { flow, oneWay: isIcmp && pair === undefined };
}

captureTest(
  test,
  "parsePacket, finds the tuples that Zeek, Suricata and Wireshark find, in every packet",
  () => {
    for (const [seed, baseline] of [
      [0, "baseline_deflt.json"],
      [1, "baseline_seed1.json"],
    ] as const) {
      const expected = readFileSync(join(CAPTURES, "community-id", baseline), "utf8");
      const wanted = (JSON.parse(expected) as object[]).map((entry) => JSON.stringify(entry)).sort();
      const found = new Set<string>();
      for (const name of ["icmp", "icmp6", "ipv6", "rsvp", "sctp", "tcp", "udp"]) {
        for (const packet of readPackets(`community-id/${name}.pcap`)) {
          const { bytes, halves } = parserBuffer(packet);
          parsePacket(bytes, halves, 0, packet.length, false, view);
          assert.is(view.tupleKnown, 1);
          const { flow, oneWay } = flowOf(bytes);
          found.add(JSON.stringify({ ...flow, communityid: communityId(flow, oneWay, seed) }));
        }
      }
      // Both ways: no packet has a tuple that is not in the baseline, and none of the baseline is missing.
      assert.equal([...found].sort(), wanted);
    }
  },
);

test.run();
