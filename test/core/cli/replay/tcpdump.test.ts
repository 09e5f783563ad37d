// Replays held against what tcpdump and tshark count in the same captures: records, IP packets, and packets of each protocol, as far
// as our verdicts and their filters mean the same.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ReplayResult } from "../../../../core/cli/replay/result.js";
import { VERDICTS, type Verdict } from "../../../../core/director/verdict.js";
import { CaptureFile } from "../../../../core/link/pcap-file.js";
import { CAPTURES } from "../../../support/captures.js";
import { replayResult } from "../../../support/replay-fixture.js";
import { hasTshark, tcpdumpCount, tcpdumpTest, tsharkPackets } from "../../../support/tcpdump.js";

const replay = suite("replay, held against tcpdump");

/** What libpcap finds fragments by; of IPv6 only those whose first extension header it is, as all here have. */
const FRAGMENTED = "((ip and ip[6:2] & 0x3fff != 0) or (ip6 and ip6[6] == 44))";
const TCP_OR_UDP = "(tcp or udp or ip6 protochain 6 or ip6 protochain 17)";
const ICMP = "(icmp or ip6 protochain 58)";

/** Verdicts that only TCP segments and datagrams have, those that only ICMP has, and those of fragments where they are dropped. */
const OF_TCP_OR_UDP = VERDICTS.filter((verdict) =>
  /^(flow-hit|new-.*|syn-.*|stray-reset|port-unreachable|table-full|.*-(tcp|udp)(-.*)?)$/.test(verdict),
);
const OF_ICMP = VERDICTS.filter((verdict) => /^(echo-answered|neighbour-message|.*icmp.*)$/.test(verdict));
const OF_FRAGMENTS = VERDICTS.filter((verdict) => /^(bad-)?fragment/.test(verdict));
/** Those of packets of protocols that a farm does not have. */
const OF_OTHERS: Verdict[] = ["unsupported-protocol", "no-upper-layer", "bad-mobility-checksum"];

function captures(): string[] {
  return readdirSync(CAPTURES, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".pcap"))
    .sort();
}

function sum({ verdicts }: ReplayResult, of: readonly Verdict[]): number {
  return of.reduce((total, verdict) => total + verdicts[verdict], 0);
}

/** Packets that fit the filter, behind up to two VLAN tags as well. A tag moves what comes after it in a filter, so that it is last. */
function counted(path: string, filter: string): number {
  const behindTags = `(${filter}) or (vlan and ((${filter}) or (vlan and (${filter}))))`;
  return tcpdumpCount(path, isEthernet(path) ? behindTags : filter);
}

function isEthernet(path: string): boolean {
  const file = new CaptureFile(path);
  file.close();
  return file.firstLinkType === 1;
}

const results = new Map<string, Promise<ReplayResult>>();

/** The capture's replay, made once. Fragments are dropped, since a packet that is put together is none of the file's. */
function replayed(name: string): Promise<ReplayResult> {
  const how = ["--fragments", "drop", "--workers", "3", "--flow-entries", "4096", "--seed", "1"];
  const result = results.get(name) ?? replayResult([join(CAPTURES, name), ...how]);
  results.set(name, result);
  return result;
}

tcpdumpTest(replay, "records and IP packets, of every capture, are as many as tcpdump counts", async () => {
  const names = captures();
  assert.ok(names.length > 50, `${names.length} captures`);
  for (const name of names) {
    const path = join(CAPTURES, name);
    const result = await replayed(name);
    assert.is(result.records, tcpdumpCount(path), name);
    assert.is(result.packets, counted(path, "ip or ip6"), name);
  }
});

tcpdumpTest(replay, "packets of each protocol, of every capture, are as many as tcpdump counts", async () => {
  let exact = 0;
  for (const name of captures()) {
    const path = join(CAPTURES, name);
    const result = await replayed(name);
    const groups = [
      [sum(result, OF_FRAGMENTS), counted(path, FRAGMENTED)],
      [sum(result, OF_TCP_OR_UDP), counted(path, `${TCP_OR_UDP} and not ${FRAGMENTED}`)],
      [sum(result, OF_ICMP), counted(path, `${ICMP} and not ${FRAGMENTED}`)],
    ] as const;
    // What is refused for its IP header, or its addresses, has a verdict before anybody asks for its protocol.
    const ofIp = result.packets - groups.reduce((total, [ours]) => total + ours, 0) - sum(result, OF_OTHERS);
    const theirs = groups.reduce((total, [, of]) => total + of, 0);
    for (const [ours, of] of groups) assert.ok(ours <= of && of <= ours + ofIp, `${name}: ${ours} and ${of}`);
    assert.ok(theirs <= result.packets, name);
    if (ofIp === 0) exact++;
  }
  assert.ok(exact > 30, `${exact} captures without such packets`);
});

tcpdumpTest(
  replay,
  "echo requests, are answered as many as tcpdump counts, where none is damaged",
  async () => {
    for (const name of [
      "icmp/5-pings",
      "icmp/icmp-ping",
      "icmp/icmp6-ping",
      "community-id/icmp",
      "example2",
    ]) {
      const path = join(CAPTURES, `${name}.pcap`);
      const requests = counted(path, "icmp[0] == 8 or (ip6[6] == 58 and ip6[40] == 128)");
      assert.is((await replayed(`${name}.pcap`)).verdicts["echo-answered"], requests, name);
      assert.ok(requests > 0, name);
    }
  },
);

const LARGE = [
  "example2.pcap",
  "ip-frag.pcap",
  "raw_ip.pcap",
  "community-id/tcp.pcap",
  "community-id/ipv6.pcap",
];
const tsharkTest = hasTshark
  ? tcpdumpTest
  : (of: typeof replay, name: string, run: () => Promise<void>) => {
      process.stdout.write(`# skipped: ${name}: no tshark\n`);
      of.skip(name, run);
    };

tsharkTest(replay, "packets, of the large captures, are as many as tshark counts", async () => {
  for (const name of LARGE) {
    const result = await replayed(name);
    const packets = tsharkPackets(join(CAPTURES, name));
    assert.is(packets.length, result.records, name);
    const ip = packets.filter(({ protocols }) => protocols.includes("ip") || protocols.includes("ipv6"));
    assert.is(ip.length, result.packets, name);
    assert.is(ip.filter(({ isFragment }) => isFragment).length, sum(result, OF_FRAGMENTS), name);
    const ofFlows = ip.filter(
      ({ protocols, isFragment }) =>
        !isFragment &&
        !protocols.some((one) => one.startsWith("icmp")) &&
        (protocols.includes("tcp") || protocols.includes("udp")),
    ).length;
    const ofIp = sum(result, ["bad-ipv4-checksum", "martian", "truncated"]);
    const ours = sum(result, OF_TCP_OR_UDP);
    assert.ok(ours <= ofFlows && ofFlows <= ours + ofIp, `${name}: ${ours} and ${ofFlows}`);
  }
});

replay.run();
