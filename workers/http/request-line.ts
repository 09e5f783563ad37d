// Parses the request line (RFC 9112 section 3) and the authority in it or in Host, strictly. Reads bytes, writes
// offsets from the head's first byte; makes no strings. The line is given whole, and free of control characters but
// HTAB.

import { equalsWord, hexDigit, IP_LITERAL, REGISTERED_NAME, SP, TARGET, TOKEN, word } from "./characters.js";

/** What a request line says; offsets are from the head's first byte. */
export class RequestLine {
  methodEnd = 0;
  isHead = false;
  minorVersion = 1;
  /**
   * The host and port that the request is for: of an absolute target, else of Host; empty in HTTP/1.0 without either.
   */
  authorityStart = 0;
  authorityEnd = 0;
  /** True where an absolute target names https. */
  isHttps = false;
  targetStart = 0;
  targetEnd = 0;
  /** Path within the target; empty in an absolute target that ends with its authority. */
  pathStart = 0;
  /** End of the path: the question mark, or the end of the target. */
  pathEnd = 0;
}

const OK = 0;

const CONNECT = Buffer.from("CONNECT", "latin1");
const HEAD = Buffer.from("HEAD", "latin1");
const TRACE = Buffer.from("TRACE", "latin1");
const OPTIONS = Buffer.from("OPTIONS", "latin1");
const HTTP_SLASH = Buffer.from("HTTP/", "latin1");
const WORD_HTTP_SCHEME = word("http://");
const WORD_HTTPS_SCHEME = word("https://");

/** request-line = method SP request-target SP HTTP-version (RFC 9112 section 3), single spaces only. */
export function parseRequestLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxTargetBytes: number,
  head: RequestLine,
): number {
  let at = start;
  while (at < end && TOKEN[bytes[at]!] === 1) at++;
  if (at === start || at === end || bytes[at] !== SP) return 400;
  head.methodEnd = at - start;
  head.isHead = isMethod(bytes, start, head, HEAD);
  const targetStart = at + 1;
  at = targetStart;
  let question = -1;
  while (at < end && TARGET[bytes[at]!] === 1) {
    if (bytes[at] === 0x3f && question < 0) question = at;
    at++;
  }
  if (at === targetStart || at === end || bytes[at] !== SP) return 400;
  if (at - targetStart > maxTargetBytes) return 414;
  head.targetStart = targetStart - start;
  head.targetEnd = at - start;
  head.pathStart = head.targetStart;
  head.pathEnd = (question < 0 ? at : question) - start;
  const status = parseVersion(bytes, at + 1, end, head);
  if (status !== OK) return status;
  return parseTarget(bytes, start, head);
}

/** HTTP-version = "HTTP/" DIGIT "." DIGIT, in capitals. */
function parseVersion(bytes: Uint8Array, start: number, end: number, head: RequestLine): number {
  if (end - start !== 8 || !beginsWith(bytes, start, HTTP_SLASH)) return 400;
  const major = bytes[start + 5]! - 0x30;
  const minor = bytes[start + 7]! - 0x30;
  if (bytes[start + 6] !== 0x2e) return 400;
  if (major < 0 || major > 9 || minor < 0 || minor > 9) return 400;
  if (major !== 1 || minor > 1) return 505;
  head.minorVersion = minor;
  return OK;
}

/** The four forms of a target (RFC 9112 section 3.2): origin, absolute, asterisk; authority is for proxies only. */
function parseTarget(bytes: Uint8Array, start: number, head: RequestLine): number {
  const targetStart = start + head.targetStart;
  const targetEnd = start + head.targetEnd;
  head.authorityStart = 0;
  head.authorityEnd = 0;
  head.isHttps = false;
  const first = bytes[targetStart]!;
  // CONNECT asks for a tunnel, which no answer of an app may seem to grant (RFC 9110 section 9.3.6); TRACE for an echo of what
  // a proxy or a browser has added to a request, which is nobody's business (section 9.3.8).
  if (isMethod(bytes, start, head, CONNECT) || isMethod(bytes, start, head, TRACE)) return 501;
  if (first === 0x2f) return OK;
  if (first === 0x2a) {
    return targetEnd - targetStart === 1 && isMethod(bytes, start, head, OPTIONS) ? OK : 400;
  }
  let authorityStart = targetStart + 7;
  if (!equalsWord(bytes, targetStart, Math.min(authorityStart, targetEnd), WORD_HTTP_SCHEME)) {
    authorityStart = targetStart + 8;
    if (!equalsWord(bytes, targetStart, Math.min(authorityStart, targetEnd), WORD_HTTPS_SCHEME)) return 400;
    head.isHttps = true;
  }
  let authorityEnd = authorityStart;
  while (authorityEnd < targetEnd && bytes[authorityEnd] !== 0x2f && bytes[authorityEnd] !== 0x3f)
    authorityEnd++;
  if (!isAuthority(bytes, authorityStart, authorityEnd)) return 400;
  head.authorityStart = authorityStart - start;
  head.authorityEnd = authorityEnd - start;
  head.pathStart = head.authorityEnd;
  return OK;
}

/** uri-host [ ":" port ] (RFC 9110 section 7.2), the host not empty, the port a port; no userinfo. */
export function isAuthority(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  if (at < end && bytes[at] === 0x5b) {
    at++;
    while (at < end && IP_LITERAL[bytes[at]!] === 1) at++;
    if (at - start < 3 || at === end || bytes[at] !== 0x5d) return false;
    at++;
  } else {
    while (at < end && REGISTERED_NAME[bytes[at]!] === 1) {
      if (bytes[at] === 0x25) {
        if (at + 2 >= end || hexDigit(bytes[at + 1]!) < 0 || hexDigit(bytes[at + 2]!) < 0) return false;
        at += 2;
      }
      at++;
    }
    if (at === start) return false;
  }
  if (at === end) return true;
  if (bytes[at] !== 0x3a) return false;
  let port = 0;
  for (at++; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
    if (port > 65535) return false;
  }
  return true;
}

/** Methods are case-sensitive (RFC 9110 section 9.1). */
function isMethod(bytes: Uint8Array, start: number, head: RequestLine, method: Uint8Array): boolean {
  return head.methodEnd === method.length && beginsWith(bytes, start, method);
}

function beginsWith(bytes: Uint8Array, start: number, expected: Uint8Array): boolean {
  for (let index = 0; index < expected.length; index++) {
    if (bytes[start + index] !== expected[index]) return false;
  }
  return true;
}
