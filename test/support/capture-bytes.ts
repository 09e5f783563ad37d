// Capture files, pcap and pcapng, byte by byte, for tests of what reads them.

import { word } from "./packets.js";

export function uint32(value: number, littleEndian: boolean): number[] {
  const bytes = [...word(value >>> 16), ...word(value & 0xffff)];
  return littleEndian ? bytes.reverse() : bytes;
}

export function uint16(value: number, littleEndian: boolean): number[] {
  return littleEndian ? word(value).reverse() : word(value);
}

/** A pcap file of frames, the nth captured n times 1.5 seconds after the epoch. */
export function pcap(
  linkType: number,
  frames: readonly number[][],
  littleEndian = true,
  magic = 0xa1b2c3d4,
): number[] {
  const u32 = (value: number) => uint32(value, littleEndian);
  const half = magic === 0xa1b2c3d4 ? 500_000 : 500_000_000;
  const header = [u32(magic), uint16(2, littleEndian), uint16(4, littleEndian), u32(0), u32(0), u32(65_535)];
  const records = frames.flatMap((frame, n) => [
    ...[u32(Math.floor(n * 1.5)), u32(n % 2 === 0 ? 0 : half), u32(frame.length), u32(frame.length)].flat(),
    ...frame,
  ]);
  return [...header.flat(), ...u32(linkType), ...records];
}

export function block(type: number, body: number[], littleEndian = true): number[] {
  const padded = [...body, ...new Array<number>((4 - (body.length % 4)) % 4).fill(0)];
  const length = uint32(padded.length + 12, littleEndian);
  return [...uint32(type, littleEndian), ...length, ...padded, ...length];
}

export function section(littleEndian = true): number[] {
  const u32 = (value: number) => uint32(value, littleEndian);
  const versions = [...uint16(1, littleEndian), ...uint16(0, littleEndian)];
  return block(
    0x0a0d0d0a,
    [...u32(0x1a2b3c4d), ...versions, ...u32(0xffffffff), ...u32(0xffffffff)],
    littleEndian,
  );
}

export function interfaceBlock(
  linkType: number,
  options: number[] = [],
  snapLength = 0,
  littleEndian = true,
): number[] {
  const type = [...uint16(linkType, littleEndian), 0, 0];
  return block(1, [...type, ...uint32(snapLength, littleEndian), ...options], littleEndian);
}

export function enhancedBlock(source: number, ticks: number, frame: number[], littleEndian = true): number[] {
  const time = [Math.floor(ticks / 2 ** 32), ticks % 2 ** 32];
  const fields = [source, ...time, frame.length, frame.length].flatMap((value) =>
    uint32(value, littleEndian),
  );
  return block(6, [...fields, ...frame], littleEndian);
}

export function simpleBlock(originalLength: number, data: number[]): number[] {
  return block(3, [...uint32(originalLength, true), ...data]);
}
