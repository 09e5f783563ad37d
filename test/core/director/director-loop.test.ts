// The loop: asleep until a link or a worker has something, and quiet once it is stopped.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { DirectorLoop } from "../../../core/director/director-loop.js";
import { TransmitProducer } from "../../../core/memory/transmit-ring.js";
import { DirectorFixture } from "../../support/director-fixture.js";
import { icmpPacket, tcpPacket } from "../../support/packets.js";

const ping = icmpPacket({ source: "198.19.0.1" }, 8, 0, [0, 7, 0, 1]);

/** Resolves with the next `count` packets that the farm sends. */
function answers(farm: DirectorFixture, count: number): Promise<Uint8Array[]> {
  const sent: Uint8Array[] = [];
  return new Promise((resolve) => {
    farm.link.onTransmitted((packet) => {
      sent.push(packet);
      if (sent.length === count) resolve(sent);
    });
  });
}

test("loop, asleep, is woken by every packet that comes", async () => {
  const farm = new DirectorFixture();
  const loop = new DirectorLoop(farm.director);
  loop.start();
  for (let i = 0; i < 3; i++) {
    const answered = answers(farm, 1);
    farm.link.deliver(ping);
    await answered;
  }
  loop.stop();
  assert.equal(farm.verdicts, { "echo-answered": 3 });
});

test("loop, with more packets than it has turns in one go, takes them all and lets others run meanwhile", async () => {
  const farm = new DirectorFixture();
  const loop = new DirectorLoop(farm.director);
  const count = 64 * 8 + 100;
  const answered = answers(farm, count);
  for (let i = 0; i < count; i++) farm.link.deliver(ping);
  let meanwhile = 0;
  setImmediate(() => {
    meanwhile = farm.packetsCounted;
  });
  loop.start();
  await answered;
  loop.stop();
  assert.is(meanwhile, 64 * 8);
});

test("loop, asleep, is woken by a worker that has a packet to send", async () => {
  const farm = new DirectorFixture();
  const loop = new DirectorLoop(farm.director);
  loop.start();
  // One turn has found nothing, and the loop sleeps.
  await new Promise(setImmediate);
  const packet = tcpPacket();
  const producer = new TransmitProducer(farm.rings[2]!.transmit);
  for (let i = 0; i < 3; i++) {
    const sent = answers(farm, 1);
    producer.push(0, packet, 0, packet.length);
    producer.publish();
    assert.equal(await sent, [packet]);
  }
  loop.stop();
});

test("loop, stopped, takes no packet any more", async () => {
  const farm = new DirectorFixture();
  const loop = new DirectorLoop(farm.director);
  loop.start();
  await new Promise(setImmediate);
  farm.link.deliver(ping);
  loop.stop();
  for (let i = 0; i < 3; i++) await new Promise(setImmediate);
  assert.is(farm.packetsCounted, 0);
});

test.run();
