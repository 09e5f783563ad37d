// Cuts packets into fragments for tests, and puts fragments together again, in the plainest ways there are; nothing of what they
// test is used.

import { referenceChecksum, word } from "./packets.js";

/** Bytes [start … end) of a packet's data. */
export interface Piece {
  readonly start: number;
  readonly end: number;
}

/** Bytes of the packet's header, which is a plain one. */
function headerBytes(packet: Uint8Array): number {
  return packet[0]! >>> 4 === 4 ? 20 : 40;
}

/** The packet's data: what fragments carry. */
export function dataOf(packet: Uint8Array): Uint8Array {
  return packet.subarray(headerBytes(packet));
}

/** A fragment with the packet's header that carries `data` at `start`. */
export function fragmentWith(
  packet: Uint8Array,
  identification: number,
  start: number,
  data: Uint8Array,
  more: boolean,
): Uint8Array {
  if (packet[0]! >>> 4 === 4) {
    const header = [...packet.subarray(0, 20)];
    header.splice(
      2,
      6,
      ...word(20 + data.length),
      ...word(identification),
      ...word((more ? 0x2000 : 0) | (start / 8)),
    );
    header.splice(10, 2, 0, 0);
    header.splice(10, 2, ...word(referenceChecksum(header)));
    return Uint8Array.from([...header, ...data]);
  }
  const header = [...packet.subarray(0, 40)];
  const upper = header[6]!;
  header.splice(4, 3, ...word(8 + data.length), 44);
  const fragment = [
    upper,
    0,
    ...word(start | (more ? 1 : 0)),
    ...word(identification >>> 16),
    ...word(identification),
  ];
  return Uint8Array.from([...header, ...fragment, ...data]);
}

/** The piece of the packet, as a fragment. */
export function fragmentOf(packet: Uint8Array, identification: number, { start, end }: Piece): Uint8Array {
  const data = dataOf(packet);
  return fragmentWith(packet, identification, start, data.subarray(start, end), end < data.length);
}

/** The packet in pieces of at most `bytes` of data, a multiple of 8. */
export function cutIntoFragments(packet: Uint8Array, identification: number, bytes: number): Uint8Array[] {
  const { length } = dataOf(packet);
  return Array.from({ length: Math.ceil(length / bytes) }, (_, i) =>
    fragmentOf(packet, identification, { start: i * bytes, end: Math.min((i + 1) * bytes, length) }),
  );
}

/** The data of a packet from all of its fragments, in order and without a gap; throws if they are anything else. */
export function joinFragments(fragments: readonly Uint8Array[]): Uint8Array {
  const joined: number[] = [];
  for (const [i, fragment] of fragments.entries()) {
    const isIpv4 = fragment[0]! >>> 4 === 4;
    const at = isIpv4 ? 6 : 42;
    const field = (fragment[at]! << 8) | fragment[at + 1]!;
    const start = isIpv4 ? (field & 0x1fff) * 8 : field & 0xfff8;
    const more = isIpv4 ? (field & 0x2000) !== 0 : (field & 1) === 1;
    if (start !== joined.length || more !== i < fragments.length - 1) {
      throw new Error(`fragment ${i} at ${start}, more ${more}, after ${joined.length} bytes`);
    }
    joined.push(...fragment.subarray(isIpv4 ? 20 : 48));
  }
  return Uint8Array.from(joined);
}
