// One connection of the socket link, over a pair of loopback sockets: how much of it may wait, and what its worker is told.

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { SocketConnection } from "../../../core/link/socket-connection.js";
import { WriteBuffers } from "../../../core/link/write-buffers.js";
import { RELAY_RECORD_BYTES } from "../../../core/memory/descriptor.js";
import { pattern } from "./socket-fixture.js";

const KIB = 1024;

interface Pair {
  readonly client: Socket;
  readonly connection: SocketConnection;
}

async function withPair(
  body: (pair: Pair) => Promise<void>,
  buffers = new WriteBuffers(RELAY_RECORD_BYTES),
): Promise<void> {
  const server = createServer({ allowHalfOpen: true, highWaterMark: 1 });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const client = connect({ host: "127.0.0.1", port, noDelay: true });
  client.on("error", () => {});
  const [socket] = (await once(server, "connection")) as [Socket];
  try {
    await body({ client, connection: new SocketConnection(1, socket, { changed: () => {} }, buffers) });
  } finally {
    client.destroy();
    socket.destroy();
    server.close();
  }
}

async function rounds(count: number): Promise<void> {
  for (let round = 0; round < count; round++) await new Promise(setImmediate);
}

test("inbox, of a client that sends much, is bounded, and is filled again once some was taken", async () => {
  await withPair(async ({ client, connection }) => {
    const { socket } = connection;
    client.write(pattern(8 * KIB * KIB));
    connection.isAccepted = true;
    while (!socket.isPaused()) await rounds(1);
    await rounds(200);
    // The limit, and two reads of 64 KiB.
    assert.ok(socket.bytesRead <= 192 * KIB, `${socket.bytesRead} bytes`);
    const target = new Uint8Array(100_000);
    connection.credit = 100_000;
    assert.is(connection.take(target, 0, 30_000), 30_000);
    while (connection.credit > 0) {
      const left = connection.credit;
      connection.take(target, 100_000 - left, 1999);
      if (connection.credit === left) await rounds(1);
    }
    assert.equal(Buffer.from(target), pattern(100_000));
    assert.is(connection.sendable, 0, "without credit");
    await rounds(200);
    assert.ok(socket.bytesRead <= 100_000 + 192 * KIB, `${socket.bytesRead} bytes`);
  });
});

test("inbox, of a client that sends byte by byte, is bounded by its pieces too", async () => {
  await withPair(async ({ client, connection }) => {
    const { socket } = connection;
    for (let n = 0; n < 400; n++) {
      client.write(Uint8Array.of(n));
      await rounds(1);
    }
    await rounds(20);
    assert.ok(socket.isPaused());
    assert.ok(socket.bytesRead < 400, `${socket.bytesRead} bytes`);
    connection.isAccepted = true;
    connection.credit = 1000;
    const target = new Uint8Array(400);
    let taken = 0;
    while (taken < 400) {
      taken += connection.take(target, taken, 100);
      await rounds(1);
    }
    assert.equal(
      target,
      Uint8Array.from({ length: 400 }, (_, n) => n),
    );
  });
});

test("take, never gives more than there is room, credit or data for", async () => {
  await withPair(async ({ client, connection }) => {
    client.write(pattern(1000));
    connection.isAccepted = true;
    while (connection.socket.bytesRead < 1000) await rounds(1);
    const target = new Uint8Array(2000);
    assert.is(connection.take(target, 0, 2000), 0, "no credit");
    connection.credit = 700;
    assert.is(connection.take(target, 5, 300), 300);
    assert.is(connection.take(target, 305, 2000), 400);
    assert.is(connection.credit, 0);
    connection.credit = 5000;
    assert.is(connection.take(target, 705, 2000), 300);
    assert.is(connection.credit, 4700);
    assert.equal(Buffer.from(target.subarray(5, 1005)), pattern(1000));
    assert.not(connection.hasEvent);
  });
});

test("a client that does not read, gets what was written then, whatever others were sent meanwhile", async () => {
  const buffers = new WriteBuffers(RELAY_RECORD_BYTES);
  await withPair(async (slow) => {
    await withPair(async (quick) => {
      const bytes = pattern(8 * KIB * KIB);
      let written = 0;
      while (slow.connection.socket.writableLength === 0) {
        slow.connection.write(bytes, written, RELAY_RECORD_BYTES);
        written += RELAY_RECORD_BYTES;
      }
      const others = new Uint8Array(RELAY_RECORD_BYTES);
      quick.client.resume();
      for (let n = 0; n < 8; n++) {
        quick.connection.write(others, 0, others.length);
        while (quick.connection.socket.writableLength > 0) await rounds(1);
      }
      slow.connection.end();
      const received: Buffer[] = [];
      for await (const piece of slow.client) received.push(piece as Buffer);
      assert.is(Buffer.compare(Buffer.concat(received), bytes.subarray(0, written)), 0);
    }, buffers);
  }, buffers);
});

test.run();
