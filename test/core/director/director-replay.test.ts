// Real captures through the director: every packet one verdict, faults under their own names, and the flows that workers
// get are those that other programs see in the captures.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PcapLink } from "../../../core/link/pcap.js";
import { formatAddress } from "../../../core/wire/address.js";
import { PARSE_FAULTS } from "../../../core/wire/faults.js";
import { CAPTURE_VERDICTS } from "../../support/capture-verdicts.js";
import { CAPTURES, captureTest, readPackets } from "../../support/captures.js";
import { communityId, type FlowTuple } from "../../support/community-id.js";
import { type Delivered, DirectorFixture } from "../../support/director-fixture.js";

interface Replay {
  readonly verdicts: Record<string, number>;
  readonly delivered: readonly Delivered[];
  readonly link: PcapLink;
  readonly farm: DirectorFixture;
}

/** Replays a capture to the farm that answers at every address and every port; without large slots it drops fragments. */
function replay(name: string, largeSlots = 0): Replay {
  const link = new PcapLink({ path: join(CAPTURES, name) });
  const farm = new DirectorFixture({
    link,
    flowEntries: 4096,
    largeSlots,
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

captureTest(test, "replay, of every capture, gives each packet one verdict, and faults their own", () => {
  for (const [name, { ok, ...expected }] of Object.entries(CAPTURE_VERDICTS)) {
    const { verdicts, delivered, link, farm } = replay(name);
    const counted = Object.entries(verdicts);
    const faults = counted.filter(([verdict]) => (PARSE_FAULTS as readonly string[]).includes(verdict));
    assert.equal(Object.fromEntries(faults), expected, name);
    const sum = (entries: [string, number][]) => entries.reduce((total, [, n]) => total + n, 0);
    assert.is(sum(counted) - sum(faults), ok ?? 0, name);
    assert.is(sum(counted), link.received, name);
    assert.is(link.received, readPackets(name).length, name);
    const forwarded = counted.filter(([verdict]) =>
      ["new-source", "new-flow", "flow-hit", "icmp-error"].includes(verdict),
    );
    assert.is(delivered.length, sum(forwarded), name);
    assert.is(link.transmitted, verdicts["echo-answered"] ?? 0, name);
    assert.is(farm.director.freeSlots, farm.poolSlots, name);
  }
});

/** What becomes of the packets without a fault, where it can be counted by hand or with another program. */
const DIRECTED: Record<string, Record<string, number>> = {
  "checksums/ip4-icmp-good-chksum.pcap": { "echo-answered": 1 },
  "checksums/ip6-icmp6-good-chksum.pcap": { "echo-answered": 1 },
  "checksums/ip6-tcp-good-chksum.pcap": { "new-source": 1 },
  "checksums/ip6-udp-good-chksum.pcap": { "new-source": 1 },
  "community-id/udp.pcap": { "new-source": 2 },
  "community-id/ipv6.pcap": { "new-source": 2, "flow-hit": 15 },
  "icmp/5-pings.pcap": { "echo-answered": 5, "icmp-ignored": 5 },
  "icmp/icmp-destunreach-udp.pcap": { "icmp-unknown-flow": 1 },
  "icmp/icmp6-ping.pcap": { "echo-answered": 4, "icmp-ignored": 4 },
  "icmp/icmp6-nd-options.pcap": { "neighbour-message": 20 },
  "icmp/icmp6-toobig.pcap": { "icmp-unknown-flow": 1 },
};

captureTest(
  test,
  "replay, of a capture of fragments, puts those packets together of which all is there",
  () => {
    const pieces = new Map<string, Map<number, number>>();
    const totals = new Map<string, number>();
    for (const packet of readPackets("ip-frag.pcap")) {
      const field = (packet[6]! << 8) | packet[7]!;
      if (packet[0]! >>> 4 !== 4 || (field & 0x3fff) === 0) continue;
      const key = [...packet.subarray(4, 6), packet[9], ...packet.subarray(12, 20)].join();
      const start = (field & 0x1fff) * 8;
      const end = start + ((packet[2]! << 8) | packet[3]!) - (packet[0]! & 15) * 4;
      if ((field & 0x2000) === 0) totals.set(key, end);
      pieces.set(key, (pieces.get(key) ?? new Map<number, number>()).set(start, end));
    }
    const isWhole = (ends: Map<number, number>, total: number | undefined) => {
      let at: number | undefined = 0;
      while (at !== undefined && at !== total) at = ends.get(at);
      return at !== undefined;
    };
    const whole = [...pieces].filter(([key, ends]) => isWhole(ends, totals.get(key))).length;
    // So much room that nothing has to go, although the clock stands still and much came twice.
    const { farm, verdicts, link } = replay("ip-frag.pcap", 4096);
    assert.is(farm.director.reassemblyCounters.get("packets_reassembled"), whole);
    assert.is(whole, 190);
    assert.is(farm.director.freeSlots, farm.poolSlots);
    assert.is(
      Object.values(verdicts).reduce((sum, n) => sum + n, 0),
      link.received,
    );
  },
);

captureTest(test, "replay, directs what has no fault by its kind and flow", () => {
  for (const [name, expected] of Object.entries(DIRECTED))
    assert.equal(replay(name).verdicts, expected, name);
});

captureTest(
  test,
  "replay, of a long capture, begins as many flows and sources as a reader of it counts",
  () => {
    const flows = new Set<string>();
    const sources = new Set<string>();
    let resets = 0;
    for (const packet of readPackets("example2.pcap")) {
      const isIpv4 = packet[0]! >>> 4 === 4;
      const protocol = packet[isIpv4 ? 9 : 6]!;
      if (protocol !== 6 && protocol !== 17) continue;
      const addresses = isIpv4 ? packet.slice(12, 20) : packet.slice(8, 40);
      const l4 = isIpv4 ? (packet[0]! & 15) * 4 : 40;
      const flow = [protocol, ...addresses, ...packet.slice(l4, l4 + 4)].join(" ");
      if (!flows.has(flow) && protocol === 6 && (packet[l4 + 13]! & 4) !== 0) {
        resets++;
        continue;
      }
      flows.add(flow);
      // Of IPv6 the first 64 bits make the source.
      sources.add(addresses.slice(0, isIpv4 ? 4 : 8).join(" "));
    }
    const { verdicts } = replay("example2.pcap");
    assert.is(verdicts["new-source"], sources.size);
    assert.is(verdicts["new-source"]! + verdicts["new-flow"]!, flows.size);
    assert.is(verdicts["stray-reset"] ?? 0, resets);
  },
);

/** The tuple in a delivered packet, found by the descriptor's offsets, as the baselines write it. */
function tupleOf({ packet, ipVersion, l4Offset, protocol }: Delivered): FlowTuple {
  const [at, length] = ipVersion === 4 ? [12, 4] : [8, 16];
  const port = (offset: number) => (packet[l4Offset + offset]! << 8) | packet[l4Offset + offset + 1]!;
  return {
    proto: protocol,
    saddr: formatAddress(packet, at, length),
    daddr: formatAddress(packet, at + length, length),
    sport: port(0),
    dport: port(2),
  };
}

interface Baseline extends FlowTuple {
  readonly communityid: string;
}

captureTest(test, "replay, hands workers the flows that community-id's baselines have, and no other", () => {
  for (const [seed, name] of [
    [0, "baseline_deflt.json"],
    [1, "baseline_seed1.json"],
  ] as const) {
    const baseline = JSON.parse(readFileSync(join(CAPTURES, "community-id", name), "utf8")) as Baseline[];
    const wanted = baseline.filter(({ proto }) => proto === 6 || proto === 17);
    assert.ok(wanted.length > 5);
    const found = ["tcp", "udp", "ipv6"].flatMap((capture) =>
      replay(`community-id/${capture}.pcap`).delivered.map((one) => {
        const tuple = tupleOf(one);
        return JSON.stringify({ ...tuple, communityid: communityId(tuple, false, seed) });
      }),
    );
    assert.equal([...new Set(found)].sort(), wanted.map((entry) => JSON.stringify(entry)).sort());
  }
});

captureTest(
  test,
  "replay, gives each flow one worker, one entry and one hash, and no two flows the same entry",
  () => {
    for (const name of ["community-id/tcp", "community-id/udp", "community-id/ipv6", "example2", "ip-frag"]) {
      const entryOf = new Map<string, string>();
      const workerOf = new Map<string, number>();
      const hashOf = new Map<string, number>();
      for (const one of replay(`${name}.pcap`).delivered) {
        const tuple = JSON.stringify(tupleOf(one));
        const entry = `${one.flow} ${one.generation}`;
        assert.is(one.worker, workerOf.get(tuple) ?? one.worker, tuple);
        assert.is(one.hash, hashOf.get(tuple) ?? one.hash, tuple);
        // A port pair that is used anew, after its connection has closed, is a new flow of the same worker.
        if (name !== "example2" && name !== "ip-frag") assert.is(entry, entryOf.get(tuple) ?? entry, tuple);
        entryOf.set(tuple, entry);
        workerOf.set(tuple, one.worker);
        hashOf.set(tuple, one.hash);
      }
      assert.ok(workerOf.size > 0, name);
      assert.is(new Set(entryOf.values()).size, entryOf.size, name);
    }
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
