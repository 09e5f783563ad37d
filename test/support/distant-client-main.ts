// What a client in another network namespace does (distant-client.ts), as a program: prints one line about how it went.
//
//   digest URL           the status and the body's SHA-256
//   digest URL pause     the same; says "paused" once the body has begun, and goes on when it is told to
//   ping ADDRESS BYTES   "the same" if an echo request with so many bytes of data comes back as it was sent
//   refusal ADDRESS      the codes of what a TCP connection and a datagram to a closed port come to

import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { connect, isIPv4 } from "node:net";
import koffi from "koffi";
import { addressBytes, referenceChecksum, word } from "./packets.js";

const CLOSED_PORT = 81;

async function digest(url: string, pauses: boolean): Promise<string> {
  const [answer] = (await once(get(url), "response")) as [IncomingMessage];
  const hash = createHash("sha256");
  let isFirst = true;
  for await (const chunk of answer) {
    hash.update(chunk as Buffer);
    if (isFirst && pauses) {
      process.stdout.write("paused\n");
      await once(process.stdin, "data");
    }
    isFirst = false;
  }
  return `${answer.statusCode} ${hash.digest("hex")}`;
}

/** Through a raw socket, which the kernel cuts and puts together packets for. */
function ping(address: string, bytes: number): string {
  const libc = koffi.load(null);
  const socket = libc.func("int socket(int domain, int type, int protocol)");
  const setOption = libc.func("int setsockopt(int fd, int level, int name, void *value, uint32_t length)");
  const connectTo = libc.func("int connect(int fd, void *address, uint32_t length)");
  const send = libc.func("int64_t send(int fd, void *bytes, size_t length, int flags)");
  const receive = libc.func("int64_t recv(int fd, _Out_ uint8_t *bytes, size_t length, int flags)");
  const isIpv4 = isIPv4(address);
  // AF_INET or AF_INET6, SOCK_RAW, IPPROTO_ICMP or IPPROTO_ICMPV6.
  const fd = socket(isIpv4 ? 2 : 10, 3, isIpv4 ? 1 : 58) as number;
  if (fd < 0) throw new Error(`no raw socket: error ${koffi.errno()}`);
  // SOL_SOCKET, SO_RCVTIMEO: five seconds.
  setOption(fd, 1, 20, Buffer.from([5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 16);
  const to = Buffer.alloc(isIpv4 ? 16 : 28);
  to.writeUInt16LE(isIpv4 ? 2 : 10, 0);
  to.set(addressBytes(address), isIpv4 ? 4 : 8);
  connectTo(fd, to, to.length);
  const rest = [0x51, 0x52, 0, 1, ...Array.from({ length: bytes }, (_, i) => (i * 7 + (i >> 8)) & 255)];
  const request = [isIpv4 ? 8 : 128, 0, 0, 0, ...rest];
  // Of ICMPv6 the kernel computes the checksum.
  if (isIpv4) request.splice(2, 2, ...word(referenceChecksum(request)));
  if ((send(fd, Buffer.from(request), request.length, 0) as number) < 0)
    return `send: error ${koffi.errno()}`;
  const packet = Buffer.alloc(65_536);
  for (;;) {
    const length = receive(fd, packet, packet.length, 0) as number;
    if (length < 0) return `receive: error ${koffi.errno()}`;
    const reply = packet.subarray(isIpv4 ? (packet[0]! & 15) * 4 : 0, length);
    if (reply[0] !== (isIpv4 ? 0 : 129)) continue;
    return Buffer.from(rest).equals(reply.subarray(4)) ? "the same" : "something else";
  }
}

async function refusal(address: string): Promise<string> {
  const connection = connect({ host: address, port: CLOSED_PORT });
  const [refused] = (await once(connection, "error").catch((error) => [error])) as [NodeJS.ErrnoException];
  const socket = createSocket(isIPv4(address) ? "udp4" : "udp6");
  socket.connect(CLOSED_PORT, address);
  await once(socket, "connect");
  socket.send("anybody?");
  const [unreachable] = (await once(socket, "error").catch((error) => [error])) as [NodeJS.ErrnoException];
  socket.close();
  return `${refused.code} ${unreachable.code}`;
}

const [what, target = "", more] = process.argv.slice(2);
const outcome =
  what === "ping"
    ? ping(target, Number(more))
    : what === "refusal"
      ? await refusal(target)
      : await digest(target, more === "pause");
process.stdout.write(`${outcome}\n`);
process.exit();
