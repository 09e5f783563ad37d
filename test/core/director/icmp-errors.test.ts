// ICMP errors find the worker that holds the flow they are about; what is about none, and what IPv6 neighbours say to each
// other, is dropped under a name of its own.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { STATE_OPENING } from "../../../core/flow/flow-entry.js";
import { EVENT_ICMP_ERROR } from "../../../core/memory/descriptor.js";
import {
  ACK,
  type Delivered,
  DirectorFixture,
  SYN,
  sourceAddress,
  tcpFrom,
} from "../../support/director-fixture.js";
import { icmpPacket, ipPacket, tcpPacket, udpPacket, word } from "../../support/packets.js";

const FARM4 = "198.18.0.1";
const FARM6 = "fd98:18::1";
const CLIENT4 = sourceAddress(1);
const CLIENT6 = "fd00::5";
const ROUTER4 = "10.0.0.1";
const ROUTER6 = "fd77::1";

/** What the farm has sent from port `from` to port `to` of the client: headers, and `length` bytes behind IP's. */
function sent(client: string, protocol: number, from: number, to: number, length = 20): Uint8Array {
  const fields = { source: client.includes(":") ? FARM6 : FARM4, destination: client, protocol };
  return ipPacket(fields, [...word(from), ...word(to), 1, 2, 3, 4, ...new Array<number>(length - 8).fill(0)]);
}

/** An error of `type` and `code` about `inner`, from a router on the way. */
function error(inner: Uint8Array, type: number, code: number): Uint8Array {
  const isIpv4 = inner[0]! >>> 4 === 4;
  const fields = isIpv4 ? { source: ROUTER4, destination: FARM4 } : { source: ROUTER6, destination: FARM6 };
  return icmpPacket(fields, type, code, [0, 0, 0, 0, ...inner]);
}

/** The one descriptor that the packet has led to. */
function delivered(farm: DirectorFixture, packet: Uint8Array): Delivered {
  farm.receive(packet);
  const deliveries = farm.deliveries();
  assert.is(deliveries.length, 1);
  return deliveries[0]!;
}

const ERRORS_4 = [
  [3, 0],
  [3, 3],
  [3, 4],
  [11, 0],
  [12, 0],
] as const;
const ERRORS_6 = [
  [1, 0],
  [1, 4],
  [2, 0],
  [3, 0],
  [4, 0],
] as const;

test("ICMP error, about a packet of a flow, goes to the flow's worker and says where that packet is", () => {
  for (const [client, errors, ip] of [
    [CLIENT4, ERRORS_4, 20],
    [CLIENT6, ERRORS_6, 40],
  ] as const) {
    const farm = new DirectorFixture();
    // Other flows, so that the worker is not any.
    farm.receive(tcpFrom(sourceAddress(8), SYN), tcpFrom(sourceAddress(9), SYN));
    farm.deliveries();
    const farmAddress = client.includes(":") ? FARM6 : FARM4;
    const tcp = delivered(farm, tcpFrom(client, SYN));
    const udp = delivered(farm, udpPacket({ source: client, destination: farmAddress }));
    for (const [type, code] of errors) {
      for (const [of, protocol, port] of [
        [tcp, 6, 80],
        [udp, 17, 53],
      ] as const) {
        // Eight bytes of the upper layer suffice.
        const inner = sent(client, protocol, port, 40_000).subarray(0, ip + 8);
        const packet = error(inner, type, code);
        const { worker, flow, generation, hash, ...rest } = delivered(farm, packet);
        assert.equal([worker, flow, generation, hash], [of.worker, of.flow, of.generation, of.hash]);
        assert.equal(
          [rest.event, rest.protocol, rest.ipVersion],
          [EVENT_ICMP_ERROR, protocol, ip === 20 ? 4 : 6],
        );
        assert.equal([rest.l4Offset, rest.innerL4Offset], [ip, ip + 8 + ip]);
        assert.equal(rest.packet, packet);
      }
    }
    assert.is(farm.verdicts["icmp-error"], 2 * errors.length);
    assert.is(farm.director.freeSlots, farm.poolSlots - 1, "the last slot comes back in the next turn");
  }
});

test("ICMP error, with extension headers in the packet that it is about, says where the L4 header is behind them", () => {
  const farm = new DirectorFixture();
  const { flow } = delivered(farm, tcpFrom(CLIENT6, SYN));
  const fields = {
    source: FARM6,
    destination: CLIENT6,
    protocol: 6,
    firstHeader: 60,
    extensions: [6, 0, 1, 4, 0, 0, 0, 0],
  };
  const inner = ipPacket(fields, [...word(80), ...word(40_000), 0, 0, 0, 0]);
  const found = delivered(farm, error(inner, 2, 0));
  assert.equal([found.flow, found.innerL4Offset], [flow, 40 + 8 + 48]);
});

test("ICMP error, about no flow that is known, is dropped and begins none", () => {
  const farm = new DirectorFixture();
  farm.receive(tcpFrom(CLIENT4, SYN));
  const { sources, flows } = farm.table;
  const later = ipPacket(
    { source: FARM4, destination: CLIENT4, protocol: 6, fragment: 100 },
    new Array<number>(16).fill(0),
  );
  const unknown = [
    error(sent(CLIENT4, 6, 80, 40_001), 3, 1),
    error(sent(CLIENT4, 17, 80, 40_000), 3, 1),
    error(sent(sourceAddress(2), 6, 80, 40_000), 3, 1),
    error(sent(CLIENT6, 6, 80, 40_000), 1, 0),
    // The client's own packet, not ours.
    error(tcpFrom(CLIENT4, SYN), 3, 1),
    // Without ports: a later fragment, and an echo request that we have never sent.
    error(later, 11, 1),
    error(icmpPacket({ source: FARM4, destination: CLIENT4 }, 8, 0, [0, 80, 0, 1]), 3, 1),
  ];
  farm.receive(...unknown);
  assert.is(farm.verdicts["icmp-unknown-flow"], unknown.length);
  assert.equal([farm.table.sources, farm.table.flows], [sources, flows]);
  assert.is(farm.transmitted.length, 0);
});

test("ICMP error, of a kind that a sender may not act on, is ignored", () => {
  const farm = new DirectorFixture();
  farm.receive(tcpFrom(CLIENT4, SYN), tcpFrom(CLIENT6, SYN));
  farm.deliveries();
  // Source quench, redirect; ICMPv6's for experiments.
  for (const type of [4, 5]) farm.receive(error(sent(CLIENT4, 6, 80, 40_000), type, 0));
  for (const type of [0, 5, 100, 127]) farm.receive(error(sent(CLIENT6, 6, 80, 40_000), type, 0));
  assert.is(farm.verdicts["icmp-ignored"], 6);
  assert.equal(farm.deliveries(), []);
});

test("ICMP error, to an address that is not the farm's, is dropped like any packet", () => {
  const farm = new DirectorFixture();
  farm.receive(tcpFrom(CLIENT4, SYN));
  farm.deliveries();
  const fields = { source: ROUTER4, destination: "198.18.0.77" };
  farm.receive(icmpPacket(fields, 3, 1, [0, 0, 0, 0, ...sent(CLIENT4, 6, 80, 40_000)]));
  assert.is(farm.verdicts["not-ours"], 1);
  assert.equal(farm.deliveries(), []);
});

test("ICMP error, neither keeps its flow alive nor changes its state", () => {
  const farm = new DirectorFixture({ timeouts: { openingTimeoutMs: 5000 } });
  const { flow } = delivered(farm, tcpFrom(CLIENT4, SYN));
  farm.nowMs += 4999;
  delivered(farm, error(sent(CLIENT4, 6, 80, 40_000), 3, 1));
  assert.is(farm.table.stateOf(flow), STATE_OPENING);
  assert.not(farm.table.expire(flow, farm.nowMs));
  assert.ok(farm.table.expire(flow, farm.nowMs + 2));
});

test("ICMP error, whose worker's ring is full, is dropped and its slot comes back", () => {
  const farm = new DirectorFixture({ workers: 1, ringSlots: 4 });
  farm.receive(tcpFrom(CLIENT4, SYN), ...new Array<Uint8Array>(3).fill(tcpFrom(CLIENT4, ACK)));
  farm.receive(error(sent(CLIENT4, 6, 80, 40_000), 3, 1));
  assert.equal(farm.verdicts, { "new-source": 1, "flow-hit": 3, "ring-full": 1 });
  assert.is(farm.director.freeSlots, farm.poolSlots - 4);
});

test("ICMP error, about a flow whose worker is gone, is about no flow", () => {
  const farm = new DirectorFixture({ workers: 1 });
  delivered(farm, tcpFrom(CLIENT4, SYN));
  farm.removeWorker(0);
  farm.receive(error(sent(CLIENT4, 6, 80, 40_000), 3, 1));
  assert.is(farm.verdicts["icmp-unknown-flow"], 1);
});

test("neighbours' messages, as a kernel says them to a device that has just come up, are a verdict of their own and nothing else", () => {
  const farm = new DirectorFixture();
  const routerAlert = { firstHeader: 0, extensions: [58, 0, 5, 2, 0, 0, 1, 0] };
  const linkLocal = "fe80::1";
  const report = icmpPacket({ source: linkLocal, destination: "ff02::16" }, 143, 0, [0, 0, 0, 0]).subarray(
    40,
  );
  farm.receive(
    icmpPacket({ source: linkLocal, destination: "ff02::2" }, 133, 0, [0, 0, 0, 0]),
    icmpPacket({ source: "::", destination: "ff02::2" }, 133, 0, [0, 0, 0, 0]),
    icmpPacket({ source: "::", destination: "ff02::1:ff00:1" }, 135, 0, new Array<number>(20).fill(0)),
    icmpPacket({ source: CLIENT6, destination: FARM6 }, 135, 0, new Array<number>(20).fill(0)),
    ipPacket({ source: linkLocal, destination: "ff02::16", protocol: 58, ...routerAlert }, report),
  );
  assert.equal(farm.verdicts, { "neighbour-message": 5 });
  assert.equal([farm.transmitted, farm.deliveries(), farm.table.flows], [[], [], 0]);
});

test("ICMPv6, to a group, that is no neighbours' message, is not ours", () => {
  const farm = new DirectorFixture();
  farm.receive(
    icmpPacket({ source: CLIENT6, destination: "ff02::1" }, 128, 0, [0, 7, 0, 1]),
    tcpPacket({ source: CLIENT6, destination: "fd98:18::2" }),
  );
  assert.equal(farm.verdicts, { "not-ours": 2 });
});

test.run();
