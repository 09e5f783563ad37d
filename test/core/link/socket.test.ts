// The socket link, over loopback sockets of this process: what clients do comes as events in order, within slots and
// windows, and what workers' events say is done to the clients.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Socket } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasIpv6 } from "../../../core/link/interface-address.js";
import { connectionIndex } from "../../../core/link/link.js";
import { SocketError, SocketLink } from "../../../core/link/socket.js";
import { MAX_DATAGRAM_BYTES, MAX_WAITING_DATAGRAMS } from "../../../core/link/socket-datagrams.js";
import {
  EVENT_CREDIT,
  EVENT_DATA,
  EVENT_DATAGRAM,
  EVENT_END,
  EVENT_RESET,
  RELAY_CREDIT_BYTES,
  RELAY_WINDOW_BYTES,
} from "../../../core/memory/descriptor.js";
import { httpUrlOf } from "../../../core/options.js";
import {
  PEER_BYTES,
  PEER_IP_VERSION,
  peerSourceAddress,
  peerSourcePort,
} from "../../../core/wire/peer-block.js";
import { datagramOf, pattern, SocketFixture } from "./socket-fixture.js";

/** Gathers what a client receives. */
function gather(client: Socket): { readonly bytes: () => Buffer; readonly ended: Promise<unknown> } {
  const pieces: Buffer[] = [];
  client.on("data", (piece) => pieces.push(piece));
  client.resume();
  return { bytes: () => Buffer.concat(pieces), ended: once(client, "end") };
}

async function withLink(
  options: Parameters<typeof SocketFixture.open>[0],
  body: (fixture: SocketFixture) => Promise<void>,
): Promise<void> {
  const fixture = await SocketFixture.open(options);
  try {
    await body(fixture);
  } finally {
    fixture.close();
  }
}

test("connection, opened, says who it is from, and what it sends comes in order and ends with its end", async () => {
  await withLink({}, async (fixture) => {
    const client = await fixture.client();
    client.end(pattern(10_000));
    await fixture.until(() => fixture.count("end") === 1);
    const { connection, bytes } = fixture.events[0]!;
    assert.equal(fixture.order(connection), ["open", "data", "end"]);
    assert.is(bytes.length, PEER_BYTES);
    assert.is(bytes[PEER_IP_VERSION], 4);
    assert.is(peerSourceAddress(bytes, 0), "127.0.0.1");
    assert.is(peerSourcePort(bytes, 0), client.localPort);
    assert.equal([...bytes.subarray(16, 20)], [127, 0, 0, 1]);
    assert.is(bytes.readUInt16BE(34), fixture.link.port);
    assert.equal(fixture.data(connection), pattern(10_000));
    assert.ok(fixture.events.every(({ name, length }) => name !== "data" || length <= 2048 - 16));
    assert.is(fixture.burst.freeSlots.count, 64);
  });
});

test("connection, not accepted yet, is offered once and nothing of it is received", async () => {
  await withLink({}, async (fixture) => {
    fixture.accepts = false;
    const client = await fixture.client();
    client.end("early");
    await fixture.until(() => fixture.count("open") === 1);
    await fixture.rounds(20);
    assert.equal(
      fixture.events.map(({ name }) => name),
      ["open"],
    );
    const { connection } = fixture.events[0]!;
    fixture.link.accept(connection);
    await fixture.until(() => fixture.count("end") === 1);
    assert.is(fixture.data(connection).toString(), "early");
  });
});

test("connection, postponed, is offered again, and then goes on as if nothing had been", async () => {
  await withLink({}, async (fixture) => {
    fixture.accepts = false;
    const client = await fixture.client();
    client.write("hello");
    await fixture.until(() => fixture.count("open") === 1);
    const { connection } = fixture.events[0]!;
    fixture.link.postpone(connection);
    await fixture.until(() => fixture.count("open") === 2);
    assert.is(fixture.events[1]!.connection, connection);
    fixture.link.accept(connection);
    await fixture.until(() => fixture.dataBytes === 5);
  });
});

test("connection, reset while it is postponed, is told to be over and never offered again", async () => {
  await withLink({}, async (fixture) => {
    fixture.accepts = false;
    const client = await fixture.client();
    await fixture.until(() => fixture.count("open") === 1);
    const { connection } = fixture.events[0]!;
    fixture.link.postpone(connection);
    client.resetAndDestroy();
    await fixture.until(() => fixture.count("reset") === 1);
    // One that is postponed later comes back later: by then the first would have.
    await fixture.client();
    await fixture.until(() => fixture.count("open") === 2);
    fixture.link.postpone(fixture.events.at(-1)!.connection);
    await fixture.until(() => fixture.count("open") === 3);
    assert.equal(fixture.order(connection), ["open", "reset"]);
  });
});

test("client, that resets, is told as reset; nothing of it comes after that", async () => {
  await withLink({}, async (fixture) => {
    const client = await fixture.client();
    client.write("x");
    await fixture.until(() => fixture.dataBytes === 1);
    client.resetAndDestroy();
    await fixture.until(() => fixture.count("reset") === 1);
    const { connection, length } = fixture.events.at(-1)!;
    assert.is(length, 1);
    await fixture.rounds(5);
    assert.equal(fixture.order(connection), ["open", "data", "reset"]);
  });
});

test("worker's reset, reaches the client as one, and comes back as the connection's last event", async () => {
  await withLink({}, async (fixture) => {
    const client = await fixture.client();
    await fixture.until(() => fixture.count("open") === 1);
    const { connection } = fixture.events[0]!;
    const failed = once(client, "error");
    client.resume();
    fixture.deliver(EVENT_RESET, connection);
    fixture.deliver(EVENT_DATA, connection, pattern(10));
    await fixture.until(() => fixture.count("reset") === 1);
    const [error] = await failed;
    assert.is((error as NodeJS.ErrnoException).code, "ECONNRESET");
    assert.equal(fixture.order(connection), ["open", "reset"]);
  });
});

test("half-close by the client, still lets the worker send, and both ends are the end", async () => {
  await withLink({}, async (fixture) => {
    const client = await fixture.client();
    const { bytes, ended } = gather(client);
    client.end("question");
    await fixture.until(() => fixture.count("end") === 1);
    const { connection } = fixture.events[0]!;
    fixture.deliver(EVENT_DATA, connection, pattern(50_000));
    fixture.deliver(EVENT_END, connection);
    await ended;
    await fixture.until(() => fixture.count("reset") === 1);
    assert.equal(bytes(), pattern(50_000));
    assert.is(fixture.events.at(-1)!.length, 0, "not reset");
    assert.equal(fixture.order(connection), ["open", "data", "end", "credit", "reset"]);
  });
});

test("half-close by the worker, still lets the client send, beyond the window too, and loses nothing of it", async () => {
  await withLink({}, async (fixture) => {
    const client = await fixture.client();
    const { ended } = gather(client);
    await fixture.until(() => fixture.count("open") === 1);
    const { connection } = fixture.events[0]!;
    fixture.deliver(EVENT_END, connection);
    await ended;
    const total = RELAY_WINDOW_BYTES + 20_000;
    const closed = once(client, "close");
    client.end(pattern(total));
    await fixture.until(() => fixture.dataBytes === RELAY_WINDOW_BYTES);
    // The socket is closed by now, and its last bytes wait for credit.
    await closed;
    await fixture.rounds(20);
    assert.is(fixture.dataBytes, RELAY_WINDOW_BYTES);
    assert.is(fixture.count("reset"), 0);
    fixture.deliver(EVENT_CREDIT, connection, undefined, RELAY_WINDOW_BYTES);
    await fixture.until(() => fixture.count("reset") === 1);
    assert.equal(fixture.order(connection), ["open", "data", "end", "reset"]);
    assert.equal(fixture.data(connection), pattern(total));
  });
});

test("connection, closed with bytes that wait for credit, ends at once when its worker resets it", async () => {
  await withLink({}, async (fixture) => {
    const client = await fixture.client();
    gather(client);
    await fixture.until(() => fixture.count("open") === 1);
    const { connection } = fixture.events[0]!;
    fixture.deliver(EVENT_END, connection);
    const closed = once(client, "close");
    client.end(pattern(RELAY_WINDOW_BYTES + 1));
    await fixture.until(() => fixture.dataBytes === RELAY_WINDOW_BYTES);
    await closed;
    await fixture.rounds(5);
    fixture.deliver(EVENT_RESET, connection);
    await fixture.until(() => fixture.count("reset") === 1);
    assert.equal(fixture.order(connection), ["open", "data", "reset"], "cut off: it has not ended");
  });
});

test("client, that sends much and is given no credit, is stopped at the window, and loses nothing when it is", async () => {
  await withLink({}, async (fixture) => {
    const total = 16 * 1024 * 1024;
    const bytes = pattern(total);
    const client = await fixture.client();
    client.end(bytes);
    await fixture.until(() => fixture.dataBytes === RELAY_WINDOW_BYTES);
    await fixture.rounds(200);
    const { connection } = fixture.events[0]!;
    assert.is(fixture.dataBytes, RELAY_WINDOW_BYTES);
    assert.ok(client.writableLength > 0, "the kernel has not taken everything from the client");
    let credited = 0;
    while (fixture.count("end") === 0) {
      const due = fixture.dataBytes - credited;
      if (due >= RELAY_CREDIT_BYTES) {
        fixture.deliver(EVENT_CREDIT, connection, undefined, due);
        credited += due;
      }
      await fixture.until(
        () => fixture.dataBytes - credited >= RELAY_CREDIT_BYTES || fixture.count("end") === 1,
      );
      assert.ok(fixture.dataBytes - credited <= RELAY_WINDOW_BYTES);
    }
    assert.ok(fixture.data(connection).equals(bytes));
  });
});

test("slow reader, holds back a worker at the window, and has everything once it reads", async () => {
  await withLink({}, async (fixture) => {
    const total = 24 * 1024 * 1024;
    const bytes = pattern(total);
    const client = await fixture.client();
    client.pause();
    await fixture.until(() => fixture.count("open") === 1);
    const { connection } = fixture.events[0]!;
    let given = 0;
    const give = () => {
      while (given < total) {
        const room = RELAY_WINDOW_BYTES + fixture.creditBytes - given;
        const length = Math.min(room, 60_000, total - given);
        if (length === 0) return;
        fixture.deliver(EVENT_DATA, connection, bytes.subarray(given, given + length));
        given += length;
      }
    };
    for (let round = 0; round < 500; round++) {
      give();
      await fixture.rounds(1);
    }
    const stoppedAt = given;
    assert.is(given - fixture.creditBytes, RELAY_WINDOW_BYTES, "no credit is left");
    assert.ok(stoppedAt < total, `stopped after ${stoppedAt} bytes`);
    assert.ok(fixture.events.every(({ name, length }) => name !== "credit" || length >= RELAY_CREDIT_BYTES));
    const gathered = gather(client);
    while (given < total) {
      give();
      const { creditBytes } = fixture;
      if (given < total) await fixture.until(() => fixture.creditBytes > creditBytes);
    }
    fixture.deliver(EVENT_END, connection);
    await gathered.ended;
    await fixture.until(() => fixture.creditBytes === total);
    assert.ok(gathered.bytes().equals(bytes));
  });
});

test("credit, after the worker's end, is told to the last byte, so that it knows when all is with the kernel", async () => {
  await withLink({}, async (fixture) => {
    const client = await fixture.client();
    gather(client);
    await fixture.until(() => fixture.count("open") === 1);
    const { connection } = fixture.events[0]!;
    fixture.deliver(EVENT_DATA, connection, pattern(100));
    await fixture.rounds(20);
    assert.is(fixture.creditBytes, 0, "so few cost no event");
    fixture.deliver(EVENT_END, connection);
    await fixture.until(() => fixture.creditBytes === 100);
  });
});

test("worker's reset, once the kernel has all and its end, takes nothing back from a slow client", async () => {
  await withLink({}, async (fixture) => {
    const client = await fixture.client();
    client.pause();
    await fixture.until(() => fixture.count("open") === 1);
    const { connection } = fixture.events[0]!;
    const total = 1024 * 1024;
    const bytes = pattern(total);
    let given = 0;
    while (given < total) {
      const length = Math.min(RELAY_WINDOW_BYTES + fixture.creditBytes - given, total - given);
      fixture.deliver(EVENT_DATA, connection, bytes.subarray(given, given + length));
      given += length;
      const { creditBytes } = fixture;
      if (given < total) await fixture.until(() => fixture.creditBytes > creditBytes);
    }
    fixture.deliver(EVENT_END, connection);
    await fixture.until(() => fixture.creditBytes === total);
    // `finish` comes in the same turn as the last write's end.
    await fixture.rounds(2);
    fixture.deliver(EVENT_RESET, connection);
    await fixture.until(() => fixture.count("reset") === 1);
    const gathered = gather(client);
    await gathered.ended;
    assert.ok(gathered.bytes().equals(bytes));
  });
});

test("slots, when there are none, leave things where they are; once there are, all comes, in order", async () => {
  await withLink({ poolSlots: 3 }, async (fixture) => {
    fixture.holdsSlots = true;
    const client = await fixture.client();
    client.end(pattern(20_000));
    // OPEN and two pieces of data take all slots.
    await fixture.until(() => fixture.heldSlots.length === 3);
    await fixture.rounds(20);
    assert.is(fixture.events.length, 3);
    assert.ok(fixture.link.drops.noSlot > 0);
    const { connection } = fixture.events[0]!;
    while (fixture.count("end") === 0) {
      for (const slot of fixture.heldSlots.splice(0)) fixture.burst.freeSlots.release(slot);
      const { length } = fixture.events;
      await fixture.until(() => fixture.events.length > length);
    }
    assert.equal(fixture.data(connection), pattern(20_000));
  });
});

test("wait, without a free slot and asked again and again, keeps one timer", async () => {
  await withLink({ poolSlots: 1 }, async (fixture) => {
    fixture.holdsSlots = true;
    const client = await fixture.client();
    client.write("x");
    await fixture.until(() => fixture.heldSlots.length === 1);
    while (fixture.link.drops.noSlot === 0) await fixture.rounds(1);
    let wakes = 0;
    for (let asked = 0; asked < 100; asked++) {
      fixture.receive();
      fixture.link.wait(() => wakes++);
    }
    const timers = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    assert.is(timers, 1);
    while (wakes === 0) await new Promise(setImmediate);
    await fixture.rounds(5);
    assert.is(wakes, 1);
  });
});

test("wait, forgotten by close, is not woken", async () => {
  const fixture = await SocketFixture.open();
  let wakes = 0;
  const client = await fixture.client();
  fixture.link.wait(() => wakes++);
  client.write("x");
  fixture.close();
  fixture.link.wait(() => wakes++);
  for (let round = 0; round < 20; round++) await new Promise(setImmediate);
  fixture.receive();
  assert.equal([wakes, fixture.events.length], [0, 0]);
  fixture.link.close();
  fixture.deliver(EVENT_DATAGRAM, 0, new Uint8Array(PEER_BYTES));
});

test("place, used again, has another number, and events for the earlier one do nothing", async () => {
  await withLink({}, async (fixture) => {
    const first = await fixture.client();
    await fixture.until(() => fixture.count("open") === 1);
    const before = fixture.events[0]!.connection;
    first.resetAndDestroy();
    await fixture.until(() => fixture.count("reset") === 1);
    const second = await fixture.client();
    const { bytes, ended } = gather(second);
    await fixture.until(() => fixture.count("open") === 2);
    const now = fixture.events.at(-1)!.connection;
    assert.is(connectionIndex(now), connectionIndex(before));
    assert.is.not(now, before);
    fixture.deliver(EVENT_DATA, before, pattern(10));
    fixture.deliver(EVENT_RESET, before);
    fixture.deliver(EVENT_CREDIT, before, undefined, 1);
    fixture.link.accept(before);
    fixture.link.postpone(before);
    fixture.deliver(EVENT_DATA, now, Buffer.from("yours"));
    fixture.deliver(EVENT_END, now);
    await ended;
    assert.is(bytes().toString(), "yours");
  });
});

test("connections, many at once, each have a turn, and none is told twice of anything", async () => {
  await withLink({ poolSlots: 16 }, async (fixture) => {
    const count = 100;
    const sent = new Map<number, Buffer>();
    for (let n = 0; n < count; n++) {
      const client = await fixture.client();
      const bytes = pattern(3000 + n * 97).subarray(n);
      sent.set(client.localPort!, bytes);
      client.end(bytes);
    }
    await fixture.until(() => fixture.count("end") === count);
    const opened = fixture.events.filter(({ name }) => name === "open");
    assert.is(opened.length, count);
    for (const { connection, bytes } of opened) {
      assert.equal(fixture.order(connection), ["open", "data", "end"]);
      assert.ok(fixture.data(connection).equals(sent.get(peerSourcePort(bytes, 0))!));
    }
    assert.is(fixture.burst.freeSlots.count, 16);
  });
});

test("connection, with much to be received, leaves room in a burst for the others", async () => {
  await withLink({ slotBytes: 256 }, async (fixture) => {
    fixture.accepts = false;
    const busy = await fixture.client();
    busy.write(pattern(64 * 2032));
    await fixture.until(() => fixture.count("open") === 1);
    const other = await fixture.client();
    other.write("x");
    await fixture.until(() => fixture.count("open") === 2);
    // All of it is there before anything is received.
    for (let round = 0; round < 20; round++) await new Promise(setImmediate);
    for (const { connection } of fixture.events.slice()) fixture.link.accept(connection);
    fixture.receive();
    const [first, second] = fixture.events
      .slice(0, 2)
      .map(({ connection }) => fixture.data(connection).length);
    assert.ok(first! > 1, `${first} bytes`);
    assert.is(second, 1);
  });
});

test("stopListening, refuses new connections and keeps those that there are", async () => {
  await withLink({}, async (fixture) => {
    const client = await fixture.client();
    await fixture.until(() => fixture.count("open") === 1);
    fixture.link.stopListening();
    const refused = await fixture.client().then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    );
    assert.is(refused, "ECONNREFUSED");
    client.end("still here");
    await fixture.until(() => fixture.count("end") === 1);
    fixture.link.stopListening();
  });
});

// Where it is bound, and where the client sends from: a socket of both kinds sees IPv4 addresses in their mapped form.
for (const [host, from, version] of [
  ["127.0.0.1", "127.0.0.1", 4],
  ["::1", "::1", 6],
  ["::", "127.0.0.1", 4],
] as const) {
  const body = async () => {
    await withLink({ host }, async (fixture) => {
      const client = createSocket(version === 4 ? "udp4" : "udp6");
      client.bind(0, from);
      await once(client, "listening");
      client.send("ask", fixture.link.port, from);
      await fixture.until(() => fixture.count("datagram") === 1);
      const { block, payload } = datagramOf(fixture.events[0]!);
      assert.is(payload.toString(), "ask");
      assert.is(block[PEER_IP_VERSION], version);
      assert.is(peerSourceAddress(block, 0), from);
      assert.is(peerSourcePort(block, 0), client.address().port);
      const answered = once(client, "message");
      fixture.deliver(EVENT_DATAGRAM, 0, Buffer.concat([block, Buffer.from("answer")]));
      const [answer] = await answered;
      assert.is(String(answer), "answer");
      client.close();
    });
  };
  const name = `datagram, to ${host} from ${from}, comes with its source, and the answer goes back there`;
  if (version === 4 && host === "127.0.0.1") test(name, body);
  else if (hasIpv6()) test(name, body);
  else test.skip(`${name} (this machine has no IPv6)`, body);
}

test("datagrams, the longest that there may be and one too long, are taken and counted", async () => {
  await withLink({}, async (fixture) => {
    const client = createSocket("udp4");
    client.send(pattern(MAX_DATAGRAM_BYTES + 1), fixture.link.port, "127.0.0.1");
    client.send(pattern(MAX_DATAGRAM_BYTES), fixture.link.port, "127.0.0.1");
    client.send("", fixture.link.port, "127.0.0.1");
    await fixture.until(() => fixture.count("datagram") === 2);
    const payloads = fixture.events.map((event) => datagramOf(event).payload);
    assert.equal(payloads, [pattern(MAX_DATAGRAM_BYTES), Buffer.alloc(0)]);
    assert.is(fixture.link.drops.oversize, 1);
    client.close();
  });
});

test("datagram, longer than a slot of a small pool, is dropped and stays out of the next slot", async () => {
  await withLink({ slotBytes: 128 }, async (fixture) => {
    const client = createSocket("udp4");
    client.send(pattern(73), fixture.link.port, "127.0.0.1");
    client.send(pattern(72), fixture.link.port, "127.0.0.1");
    await fixture.until(() => fixture.count("datagram") === 1);
    assert.equal(datagramOf(fixture.events[0]!).payload, pattern(72));
    assert.is(fixture.link.drops.oversize, 1);
    assert.is(fixture.burst.freeSlots.count, 64);
    client.close();
  });
});

test("datagrams, more than may wait, are dropped and counted; the rest comes in order", async () => {
  await withLink({ poolSlots: 4 }, async (fixture) => {
    const client = createSocket("udp4");
    let sent = 0;
    // A few at a time, so that the kernel drops none.
    while (fixture.link.drops.noRoom < 10) {
      for (let i = 0; i < 16; i++) client.send(String(sent++), fixture.link.port, "127.0.0.1");
      for (let round = 0; round < 4; round++) await new Promise(setImmediate);
    }
    const { noRoom } = fixture.link.drops;
    assert.is(noRoom, sent - MAX_WAITING_DATAGRAMS);
    await fixture.until(() => fixture.count("datagram") === MAX_WAITING_DATAGRAMS);
    const numbers = fixture.events.map((event) => Number(datagramOf(event).payload));
    assert.equal(
      numbers,
      Array.from({ length: MAX_WAITING_DATAGRAMS }, (_, i) => i),
    );
    client.close();
  });
});

test("answer, to a source that nothing can be sent to, is dropped", async () => {
  await withLink({}, async (fixture) => {
    // Source port 0.
    const block = Buffer.alloc(PEER_BYTES);
    block[PEER_IP_VERSION] = 6;
    block.writeUInt16BE(9, 32);
    fixture.deliver(EVENT_DATAGRAM, 0, Buffer.concat([block, Buffer.from("x")]));
    await fixture.rounds(5);
  });
});

test("listen, at an address that is in use or not here, says so in one sentence", async () => {
  await withLink({}, async ({ link }) => {
    const failure = async (host: string, port: number) => {
      try {
        (await SocketLink.listen({ host, port })).close();
      } catch (error) {
        return error as SocketError;
      }
      return undefined;
    };
    const taken = await failure("127.0.0.1", link.port);
    assert.instance(taken, SocketError);
    assert.is(taken!.code, "EADDRINUSE");
    assert.match(
      taken!.message,
      new RegExp(`^cannot listen at 127\\.0\\.0\\.1:${link.port} .*in use[^\\n]*$`),
    );
    const elsewhere = await failure("192.0.2.1", 0);
    assert.is(elsewhere?.code, "EADDRNOTAVAIL");
    assert.match(elsewhere!.message, /^[^\n]*no such address$/);
    // TCP is free and UDP is not: neither is kept.
    const udp = createSocket("udp4");
    udp.bind(0, "127.0.0.1");
    await once(udp, "listening");
    const { port } = udp.address();
    assert.is((await failure("127.0.0.1", port))?.code, "EADDRINUSE");
    udp.close();
    await once(udp, "close");
    const again = await SocketLink.listen({ host: "127.0.0.1", port });
    assert.is(again.port, port);
    again.close();
  });
});

test("link, says where it is, and the URL to open", async () => {
  await withLink({ host: "0.0.0.0" }, async ({ link }) => {
    assert.is(httpUrlOf(link), `http://localhost:${link.port}/`);
    assert.is(link.description, `sockets at 0.0.0.0, TCP and UDP port ${link.port}: the kernel ends TCP`);
  });
});

test.run();
