// The character classes of HTTP and URIs, as tables indexed by byte, and comparisons of bytes with known words.
// Works on bytes and offsets only; allocates nothing after the module has loaded.

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const DEL = 0x7f;

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DIGITS = "0123456789";

function table(members: string): Uint8Array {
  const classOf = new Uint8Array(256);
  for (const member of members) classOf[member.charCodeAt(0)] = 1;
  return classOf;
}

/** 1 for tchar: what methods and field names consist of (RFC 9110 section 5.6.2). */
export const TOKEN = table(`!#$%&'*+-.^_\`|~${DIGITS}${LETTERS}`);

/** 1 for what a registered name may consist of, percent signs included (RFC 3986 section 3.2.2). */
export const REGISTERED_NAME = table(`-._~!$&'()*+,;=%${DIGITS}${LETTERS}`);

/** 1 for what an IP literal may have between its brackets. Zones and future versions are not for the wire. */
export const IP_LITERAL = table(`:.${DIGITS}ABCDEFabcdef`);

/**
 * 1 for what a request target may consist of: every visible ASCII character but "#". More than RFC 3986 allows,
 * because browsers send some of `"<>\^{|}` and the backtick as they are in queries; no fragment, space or byte above
 * 0x7E.
 */
export const TARGET = new Uint8Array(256);
for (let byte = 0x21; byte < DEL; byte++) TARGET[byte] = byte === 0x23 ? 0 : 1;

/** The bytes of a word in lower case, to compare with. */
export function word(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.toLowerCase(), "latin1"));
}

/**
 * Whether `bytes[start … end)`, free of control characters but HTAB, is the word `lower`, whatever the case of its
 * letters: setting bit 5 lowers a letter, and makes nothing else that is not a control character into part of a word.
 */
export function equalsWord(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  const length = lower.length;
  if (end - start !== length) return false;
  for (let index = 0; index < length; index++) {
    if ((bytes[start + index]! | 0x20) !== lower[index]) return false;
  }
  return true;
}

/** Value of a hexadecimal digit, or -1. */
export function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Index of the first byte in `bytes[start … end)` that is neither a space nor a tab; `end` if there is none. */
export function skipSpace(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++;
  return at;
}

/** The end of `bytes[start … end)` without trailing spaces and tabs. */
export function trimSpace(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && (bytes[at - 1] === SP || bytes[at - 1] === HTAB)) at--;
  return at;
}
