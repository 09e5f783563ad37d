// Checks that bytes are exactly one MessagePack value of the plain kinds, before a decoder is let near them. A
// decoder believes what it reads: five bytes that announce an array of four billion make it allocate one, a few
// thousand nested arrays overflow its stack, and extension types construct things. Reads bytes only; allocates
// nothing.

/** Deepest nesting of arrays and maps. */
export const MAX_DEPTH = 32;

/** Values still to come in each array or map that is open, keys counted; and whether it is a map. Reused. */
const remaining = new Int32Array(MAX_DEPTH);
const isMap = new Uint8Array(MAX_DEPTH);

/** How many bytes of a value follow its first: fixed lengths of 0xC0 … 0xDF; -1 for those that are not plain. */
const FIXED_BYTES = new Int8Array([
  0, -1, 0, 0, -2, -2, -2, -1, -1, -1, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, -1, -1, -1, -1, -1, -2, -2, -2, -3, -3,
  -3, -3,
]);
const NOT_PLAIN = -1;
const SIZED_BYTES = -2;

/**
 * Whether `bytes[start … end)` is one whole value: nil, booleans, numbers, strings, binary, arrays, and maps whose
 * keys are strings, nested no deeper than MAX_DEPTH. No extension types.
 */
export function isPlainMessagePack(bytes: Uint8Array, start: number, end: number): boolean {
  let depth = 0;
  let at = start;
  do {
    if (at >= end) return false;
    const first = bytes[at++]!;
    if (depth > 0) {
      const isKey = isMap[depth - 1] === 1 && (remaining[depth - 1]! & 1) === 0;
      if (isKey && !isString(first)) return false;
      remaining[depth - 1]!--;
    }
    let length = 0;
    let items = -1;
    let opensMap = 0;
    if (first < 0x80 || first >= 0xe0) {
      // A small integer.
    } else if (first < 0xa0) {
      opensMap = first < 0x90 ? 1 : 0;
      items = first & 0x0f;
    } else if (first < 0xc0) {
      length = first & 0x1f;
    } else {
      const fixed = FIXED_BYTES[first - 0xc0]!;
      if (fixed === NOT_PLAIN) return false;
      if (fixed >= 0) {
        length = fixed;
      } else {
        const sizeBytes = sizeBytesOf(first);
        if (at + sizeBytes > end) return false;
        const size = readSize(bytes, at, sizeBytes);
        at += sizeBytes;
        if (fixed === SIZED_BYTES) length = size;
        else items = size;
        opensMap = first >= 0xde ? 1 : 0;
      }
    }
    if (length > end - at) return false;
    at += length;
    if (items >= 0) {
      // Every value takes at least one byte: more of them than bytes are a lie.
      const values = opensMap === 1 ? 2 * items : items;
      if (depth === MAX_DEPTH || values > end - at) return false;
      remaining[depth] = values;
      isMap[depth] = opensMap;
      depth++;
    }
    while (depth > 0 && remaining[depth - 1] === 0) depth--;
  } while (depth > 0);
  return at === end;
}

/** Bytes of the length behind the first byte of a string, binary, array or map of stated size. */
function sizeBytesOf(first: number): number {
  // bin 8, 16, 32 are C4, C5, C6; str D9, DA, DB; array 16, 32 are DC, DD; map DE, DF.
  if (first <= 0xc6) return 1 << (first - 0xc4);
  if (first <= 0xdb) return 1 << (first - 0xd9);
  return (first & 1) === 0 ? 2 : 4;
}

/** A big-endian number of 1, 2 or 4 bytes. */
export function readSize(bytes: Uint8Array, at: number, sizeBytes: number): number {
  let size = 0;
  for (let index = 0; index < sizeBytes; index++) size = size * 256 + bytes[at + index]!;
  return size;
}

/** Whether a value that begins with this byte is a string. */
export function isString(first: number): boolean {
  return (first >= 0xa0 && first < 0xc0) || (first >= 0xd9 && first <= 0xdb);
}
