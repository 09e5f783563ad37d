// The probe as its client's TCP sees it: a whole packet from the farm, and one that brings the connection's end about.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ResetProbe } from "../../../core/director/reset-probe.js";
import { KEY_WORDS, writeFlowKey } from "../../../core/flow/flow-key.js";
import { MemoryLink } from "../../../core/link/memory.js";
import { formatAddress } from "../../../core/wire/address.js";
import { PARSE_OK } from "../../../core/wire/faults.js";
import { parsePacket } from "../../../core/wire/packet.js";
import { PacketView } from "../../../core/wire/packet-view.js";
import { PROTOCOL_TCP } from "../../../core/wire/protocols.js";
import { ACK, parseTcpSegment, TcpSegment } from "../../../core/wire/tcp.js";
import { parserBuffer, tcpPacket } from "../../support/packets.js";
import { TcpScript } from "../../support/tcp-script.js";

/** The probe for the flow of this packet, whose key is `at` words into `keys`. */
function probeFor(packet: Uint8Array, at: number): Uint8Array[] {
  const sent: Uint8Array[] = [];
  const { bytes, halves } = parserBuffer(packet);
  const view = new PacketView();
  assert.is(parsePacket(bytes, halves, 0, packet.length, false, view), PARSE_OK);
  const aligned = new Uint8Array(256);
  aligned.set(packet);
  const words = new Int32Array(aligned.buffer);
  const keys = new Int32Array(at + KEY_WORDS).fill(-1);
  const { sourceOffset, destinationOffset, l4Offset, ipVersion } = view;
  writeFlowKey(words, aligned, sourceOffset, destinationOffset, l4Offset, ipVersion, PROTOCOL_TCP, keys, at);
  new ResetProbe().send(keys, at, new MemoryLink({ transmitted: (probe) => sent.push(probe) }));
  return sent;
}

for (const [client, farm] of [
  ["198.19.0.9", "198.18.0.1"],
  ["fd98:19::9", "fd98:18::1"],
] as const) {
  test(`probe to ${client}, is one whole packet of the farm's to the client's port, with right checksums`, () => {
    const packet = tcpPacket({ source: client, destination: farm }, [1, 2, 3]);
    const asked = new PacketView();
    const original = parserBuffer(packet);
    parsePacket(original.bytes, original.halves, 0, packet.length, false, asked);
    for (const at of [0, 30]) {
      const sent = probeFor(packet, at);
      assert.is(sent.length, 1);
      const { bytes, halves } = parserBuffer(sent[0]!);
      const view = new PacketView();
      assert.is(
        parsePacket(bytes, halves, 0, sent[0]!.length, false, view),
        PARSE_OK,
        "checksums are verified",
      );
      assert.is(view.protocol, PROTOCOL_TCP);
      assert.is(view.totalLength, sent[0]!.length);
      assert.is(formatAddress(bytes, view.sourceOffset, view.addressLength), farm);
      assert.is(formatAddress(bytes, view.destinationOffset, view.addressLength), client);
      assert.equal([view.sourcePort, view.destinationPort], [asked.destinationPort, asked.sourcePort]);
      const segment = new TcpSegment();
      parseTcpSegment(bytes, view.l4Offset, view.totalLength, segment);
      assert.equal(
        [segment.flags, segment.sequence, segment.acknowledgment, segment.dataEnd - segment.dataStart],
        [ACK, 0, 0, 0],
      );
    }
  });

  test(`probe to ${client}, makes a client answer, and the answer a worker end the connection`, () => {
    const ipVersion = client.includes(":") ? 6 : 4;
    const script = new TcpScript({ ipVersion });
    // Far from 0, where the probe would be in the window.
    script.peerIsn = 0x4000_0000;
    script.connect();
    script.act((connection) => connection.send(new Uint8Array(10)));
    script.skip();
    // The probe's numbers, as this client sees them.
    script.inject({ flags: "A", seq: -script.peerIsn, ack: -script.iss, win: 0 });
    script.expect({ flags: "A", seq: 11, ack: 1 });
    assert.equal(script.events, ["opened"]);
    // A worker that knows no such connection (RFC 9293 section 3.10.7.1: the RST has the ACK's number).
    const worker = new TcpScript({ ipVersion });
    worker.inject({ flags: "A", seq: 11, ack: 1 });
    worker.expect({ flags: "R" });
    script.inject({ flags: "R", seq: 1 });
    assert.equal(script.events, ["opened", "closed reset"]);
  });
}

test.run();
