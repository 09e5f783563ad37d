// Latin-1 and UTF-8 between bytes and strings by Node's own natives. They work on any Uint8Array, over shared memory
// too (which TextDecoder refuses), and without a Buffer or a subarray being made first: `toString` and `write` of
// Buffer end in these same functions, 30 ns later. They are on Buffer's prototype, but not in its types.

interface BufferNatives {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  utf8Slice(this: Uint8Array, start: number, end: number): string;
  latin1Write(this: Uint8Array, text: string, offset: number): number;
  utf8Write(this: Uint8Array, text: string, offset: number): number;
}

const natives = Buffer.prototype as unknown as BufferNatives;
const latin1Slice = natives.latin1Slice;
const utf8Slice = natives.utf8Slice;
const latin1Write = natives.latin1Write;
const utf8Write = natives.utf8Write;

export function readLatin1(bytes: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(bytes, start, end);
}

export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  return utf8Slice.call(bytes, start, end);
}

/** Writes a string whose characters are all below 256; returns the number of bytes written, short where room was. */
export function writeLatin1(bytes: Uint8Array, offset: number, text: string): number {
  return latin1Write.call(bytes, text, offset);
}

export function writeUtf8(bytes: Uint8Array, offset: number, text: string): number {
  return utf8Write.call(bytes, text, offset);
}
