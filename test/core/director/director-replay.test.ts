// Real captures through the director: every packet one verdict, faults under their own names, and the flows that workers
// get are those that other programs see in the captures.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PcapLink } from "../../../core/link/pcap.js";
import { formatAddress } from "../../../core/wire/address.js";
import { CAPTURES, captureTest, readPackets } from "../../support/captures.js";
import { type Delivered, DirectorFixture } from "../../support/director-fixture.js";

interface Replay {
  readonly verdicts: Record<string, number>;
  readonly delivered: readonly Delivered[];
  readonly link: PcapLink;
  readonly farm: DirectorFixture;
}

/** Replays a capture to the farm that answers at every address and every port. */
function replay(name: string): Replay {
  const link = new PcapLink({ path: join(CAPTURES, name) });
  const farm = new DirectorFixture({
    link,
    flowEntries: 4096,
    director: { addresses: [], datagramPort: 0 },
  });
  const delivered: Delivered[] = [];
  while (!link.ended) {
    farm.director.turn();
    delivered.push(...farm.deliveries());
  }
  farm.director.turn();
  link.close();
  return { verdicts: farm.verdicts, delivered, link, farm };
}

/** Verdicts that are faults; the others say where a packet went. */
const FAULTS: Record<string, Record<string, number>> = {
  "checksums/ip4-bad-chksum.pcap": { "bad-ipv4-checksum": 1 },
  "checksums/ip4-icmp-bad-chksum.pcap": { "bad-icmp-checksum": 1 },
  "checksums/ip6-tcp-bad-chksum.pcap": { "bad-tcp-checksum": 1 },
  "checksums/ip6-tcp-good-chksum.pcap": {},
  "checksums/ip6-udp-bad-chksum.pcap": { "bad-udp-checksum": 1 },
  "checksums/ip6-udp-good-chksum.pcap": {},
  "checksums/ip6-route0-tcp-good-chksum.pcap": { "source-routed": 1 },
  "icmp/icmp6-destunreach-ip6ext-trunc.pcap": { "truncated-icmp-inner": 1 },
  "icmp/icmp-destunreach-no-context.pcap": { "missing-icmp-inner": 1 },
  "community-id/sctp.pcap": { "unsupported-protocol": 5 },
  "ip-frag.pcap": {
    fragment: 1859,
    "bad-udp-checksum": 318,
    "bad-tcp-checksum": 77,
    "unsupported-protocol": 47,
  },
  "raw_ip.pcap": { "bad-ipv4-checksum": 46, martian: 1 },
  "example2.pcap": {},
};

const NO_FAULT = [
  "new-source",
  "new-flow",
  "flow-hit",
  "stray-reset",
  "echo-answered",
  "icmp-ignored",
  "icmp-limited",
];

captureTest(test, "replay, counts each packet once, and faults under their own names", () => {
  for (const [name, expected] of Object.entries(FAULTS)) {
    const { verdicts, delivered, link, farm } = replay(name);
    const faults = Object.entries(verdicts).filter(([verdict]) => !NO_FAULT.includes(verdict));
    assert.equal(Object.fromEntries(faults), expected, name);
    assert.is(farm.packetsCounted, link.received, name);
    assert.is(link.received, readPackets(name).length, name);
    const forwarded = ["new-source", "new-flow", "flow-hit"].map((verdict) => verdicts[verdict] ?? 0);
    assert.is(
      delivered.length,
      forwarded.reduce((sum, n) => sum + n, 0),
      name,
    );
    assert.is(farm.director.freeSlots, farm.poolSlots, name);
  }
});

/** The tuple in a delivered packet, as the baselines write it. */
function tupleOf({ packet, ipVersion, l4Offset, protocol }: Delivered): string {
  const [at, length] = ipVersion === 4 ? [12, 4] : [8, 16];
  const port = (offset: number) => (packet[l4Offset + offset]! << 8) | packet[l4Offset + offset + 1]!;
  return JSON.stringify({
    proto: protocol,
    saddr: formatAddress(packet, at, length),
    daddr: formatAddress(packet, at + length, length),
    sport: port(0),
    dport: port(2),
  });
}

captureTest(
  test,
  "replay, hands workers the flow tuples of community-id's baseline, each flow to one worker",
  () => {
    interface Baseline {
      readonly proto: number;
      readonly saddr: string;
      readonly daddr: string;
      readonly sport: number;
      readonly dport: number;
    }
    const baseline = JSON.parse(
      readFileSync(join(CAPTURES, "community-id", "baseline_deflt.json"), "utf8"),
    ) as Baseline[];
    const wanted = new Set(
      baseline
        .filter(({ proto }) => proto === 6 || proto === 17)
        .map(({ proto, saddr, daddr, sport, dport }) =>
          JSON.stringify({ proto, saddr, daddr, sport, dport }),
        ),
    );
    const found = new Set<string>();
    for (const name of ["tcp", "udp", "ipv6"]) {
      const workerOf = new Map<string, number>();
      const flowOf = new Map<string, number>();
      for (const one of replay(`community-id/${name}.pcap`).delivered) {
        const tuple = tupleOf(one);
        found.add(tuple);
        assert.is(one.worker, workerOf.get(tuple) ?? one.worker);
        assert.is(one.flow, flowOf.get(tuple) ?? one.flow);
        workerOf.set(tuple, one.worker);
        flowOf.set(tuple, one.flow);
      }
      assert.is(new Set(flowOf.values()).size, flowOf.size, "different tuples are different flows");
    }
    assert.equal([...found].sort(), [...wanted].sort());
  },
);

captureTest(
  test,
  "replay of a long capture, sends every packet of a flow to the worker of its source",
  () => {
    const { delivered } = replay("example2.pcap");
    const workerOf = new Map<string, number>();
    for (const one of delivered) {
      const [at, length] = one.ipVersion === 4 ? [12, 4] : [8, 8];
      const source = formatAddress(one.packet, at, length === 8 ? 16 : 4);
      assert.is(one.worker, workerOf.get(source) ?? one.worker, source);
      workerOf.set(source, one.worker);
    }
    assert.is(new Set(workerOf.values()).size, 3, "and all workers have some");
  },
);

test.run();
