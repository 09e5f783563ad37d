// Parses the complete head of a request, strictly after RFC 9112: what is not exactly right is refused, because a
// lenient reader beside a strict one is how requests are smuggled. The request line is request-line.ts's, the fields
// that frame the message are read here. Reads bytes and writes offsets (from the head's first byte) and numbers into
// one reused object; makes no strings. It is only ever given a whole head, so that what it finds cannot depend on how
// the bytes arrived.

import { equalsWord, skipSpace, TOKEN, trimSpace, word } from "./characters.js";
import type { LineEnds } from "./head-scan.js";
import { isAuthority, parseRequestLine, RequestLine } from "./request-line.js";

/** What the last parsed head says; offsets are from its first byte. Valid until the next head is parsed. */
export class RequestHead extends RequestLine {
  fieldsStart = 0;
  /** Value of the first Cookie field; meaningful where `cookieFields` is not 0. */
  cookieStart = 0;
  cookieEnd = 0;
  cookieFields = 0;
  /** -1 where there is no Content-Length. Beyond 2^53 it is not exact. */
  contentLength = -1;
  isChunked = false;
  keepAlive = true;
  expectsContinue = false;

  // What the fields have said so far; only all of them together can be judged.
  hostFields = 0;
  codings = 0;
  lastCodingIsChunked = false;
  hasUnknownCoding = false;
  saysClose = false;
  saysKeepAlive = false;
  hasOtherExpectation = false;

  resetFields(): void {
    this.cookieFields = 0;
    this.contentLength = -1;
    this.expectsContinue = false;
    this.hostFields = 0;
    this.codings = 0;
    this.lastCodingIsChunked = false;
    this.hasUnknownCoding = false;
    this.saysClose = false;
    this.saysKeepAlive = false;
    this.hasOtherExpectation = false;
  }
}

const OK = 0;

const WORD_HOST = word("host");
const WORD_COOKIE = word("cookie");
const WORD_EXPECT = word("expect");
const WORD_CONNECTION = word("connection");
const WORD_CONTENT_LENGTH = word("content-length");
const WORD_TRANSFER_ENCODING = word("transfer-encoding");
const WORD_CLOSE = word("close");
const WORD_KEEP_ALIVE = word("keep-alive");
const WORD_CHUNKED = word("chunked");
const WORD_CONTINUE = word("100-continue");

/**
 * Parses the head that begins at `bytes[start]` and whose lines end where `lineEnds` says, free of control
 * characters. Returns 0, or the status to refuse it with.
 */
export function parseHead(
  bytes: Uint8Array,
  start: number,
  lineEnds: LineEnds,
  maxTargetBytes: number,
  head: RequestHead,
): number {
  const status = parseRequestLine(bytes, start, start + lineEnds.ends[0]!, maxTargetBytes, head);
  if (status !== OK) return status;
  head.resetFields();
  head.fieldsStart = lineEnds.ends[0]! + 2;
  let lineStart = start + head.fieldsStart;
  for (let line = 1; line < lineEnds.count; line++) {
    const lineEnd = start + lineEnds.ends[line]!;
    const nameEnd = fieldNameEnd(bytes, lineStart, lineEnd);
    if (nameEnd < 0) return 400;
    const fieldStatus = readField(bytes, start, lineStart, nameEnd, lineEnd, head);
    if (fieldStatus !== OK) return fieldStatus;
    lineStart = lineEnd + 2;
  }
  return judge(head);
}

/**
 * Index of the colon that ends the name of the field line `bytes[start … end)`, or -1 if there is no valid name right
 * before a colon: no space before it (RFC 9112 section 5.1), no line folding (section 5.2).
 */
function fieldNameEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && TOKEN[bytes[at]!] === 1) at++;
  return at === start || at === end || bytes[at] !== 0x3a ? -1 : at;
}

function readField(
  bytes: Uint8Array,
  start: number,
  lineStart: number,
  nameEnd: number,
  lineEnd: number,
  head: RequestHead,
): number {
  switch (nameEnd - lineStart) {
    case 4:
      return equalsWord(bytes, lineStart, nameEnd, WORD_HOST)
        ? readHost(bytes, start, nameEnd + 1, lineEnd, head)
        : OK;
    case 6:
      if (equalsWord(bytes, lineStart, nameEnd, WORD_COOKIE)) {
        if (head.cookieFields++ > 0) return OK;
        const valueStart = skipSpace(bytes, nameEnd + 1, lineEnd);
        head.cookieStart = valueStart - start;
        head.cookieEnd = trimSpace(bytes, valueStart, lineEnd) - start;
      } else if (equalsWord(bytes, lineStart, nameEnd, WORD_EXPECT)) {
        const valueStart = skipSpace(bytes, nameEnd + 1, lineEnd);
        if (equalsWord(bytes, valueStart, trimSpace(bytes, valueStart, lineEnd), WORD_CONTINUE)) {
          head.expectsContinue = true;
        } else {
          head.hasOtherExpectation = true;
        }
      }
      return OK;
    case 10:
      if (equalsWord(bytes, lineStart, nameEnd, WORD_CONNECTION))
        readConnection(bytes, nameEnd + 1, lineEnd, head);
      return OK;
    case 14:
      return equalsWord(bytes, lineStart, nameEnd, WORD_CONTENT_LENGTH)
        ? readContentLength(bytes, nameEnd + 1, lineEnd, head)
        : OK;
    case 17:
      return equalsWord(bytes, lineStart, nameEnd, WORD_TRANSFER_ENCODING)
        ? readTransferEncoding(bytes, nameEnd + 1, lineEnd, head)
        : OK;
    default:
      return OK;
  }
}

/** Exactly one Host, and a valid one, even where the target's own authority replaces it (RFC 9112 section 3.2). */
function readHost(
  bytes: Uint8Array,
  start: number,
  valueStart: number,
  lineEnd: number,
  head: RequestHead,
): number {
  const from = skipSpace(bytes, valueStart, lineEnd);
  const to = trimSpace(bytes, from, lineEnd);
  if (++head.hostFields > 1 || !isAuthority(bytes, from, to)) return 400;
  if (head.authorityEnd === 0) {
    head.authorityStart = from - start;
    head.authorityEnd = to - start;
  }
  return OK;
}

/** Connection is a list; options that we don't know are for others (RFC 9110 section 7.6.1). */
function readConnection(bytes: Uint8Array, valueStart: number, lineEnd: number, head: RequestHead): void {
  let at = valueStart;
  while (at < lineEnd) {
    let comma = at;
    while (comma < lineEnd && bytes[comma] !== 0x2c) comma++;
    const from = skipSpace(bytes, at, comma);
    const to = trimSpace(bytes, from, comma);
    if (equalsWord(bytes, from, to, WORD_CLOSE)) head.saysClose = true;
    else if (equalsWord(bytes, from, to, WORD_KEEP_ALIVE)) head.saysKeepAlive = true;
    at = comma + 1;
  }
}

/**
 * One field of digits only: lists and repetitions, even of equal values, are refused (RFC 9112 section 6.3, case 5).
 */
function readContentLength(
  bytes: Uint8Array,
  valueStart: number,
  lineEnd: number,
  head: RequestHead,
): number {
  const from = skipSpace(bytes, valueStart, lineEnd);
  const to = trimSpace(bytes, from, lineEnd);
  if (from === to || head.contentLength >= 0) return 400;
  let length = 0;
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return 400;
    // Beyond 2^53 it loses its last digits, but stays beyond every limit; Infinity at worst.
    length = length * 10 + digit;
  }
  head.contentLength = length;
  return OK;
}

/** A list of head.codings, over one field or several; empty elements and parameters are refused. */
function readTransferEncoding(
  bytes: Uint8Array,
  valueStart: number,
  lineEnd: number,
  head: RequestHead,
): number {
  let at = valueStart;
  while (true) {
    let comma = at;
    while (comma < lineEnd && bytes[comma] !== 0x2c) comma++;
    const from = skipSpace(bytes, at, comma);
    const to = trimSpace(bytes, from, comma);
    if (from === to) return 400;
    for (let index = from; index < to; index++) {
      if (TOKEN[bytes[index]!] !== 1) return 400;
    }
    // Chunked is applied once, and last (RFC 9112 section 6.1).
    if (head.lastCodingIsChunked) return 400;
    head.lastCodingIsChunked = equalsWord(bytes, from, to, WORD_CHUNKED);
    if (!head.lastCodingIsChunked) head.hasUnknownCoding = true;
    head.codings++;
    if (comma === lineEnd) return OK;
    at = comma + 1;
  }
}

/** What only all fields together can tell. */
function judge(head: RequestHead): number {
  if (head.hostFields === 0 && head.minorVersion === 1) return 400;
  head.isChunked = head.codings > 0;
  if (head.codings > 0) {
    // With Content-Length, in HTTP/1.0, or not chunked at the end, nobody can be sure where the message ends
    // (RFC 9112 sections 6.1 and 6.3); head.codings that we cannot undo are 501 (section 6.1).
    if (head.contentLength >= 0 || head.minorVersion === 0 || !head.lastCodingIsChunked) return 400;
    if (head.hasUnknownCoding) return 501;
  }
  if (head.hasOtherExpectation) return 417;
  // HTTP/1.0 knows no 100 (RFC 9110 section 10.1.1).
  if (head.minorVersion === 0) head.expectsContinue = false;
  head.keepAlive = !head.saysClose && (head.minorVersion === 1 || head.saysKeepAlive);
  return OK;
}

/**
 * Whether every line of a trailer section is a valid field line (RFC 9112 section 7.1.2), and none a field that frames or
 * routes a message: those come too late to be true (RFC 9110 section 6.5.1), and somebody else might believe them.
 */
export function isTrailerSection(bytes: Uint8Array, start: number, lineEnds: LineEnds): boolean {
  let lineStart = start;
  for (let line = 0; line < lineEnds.count; line++) {
    const lineEnd = start + lineEnds.ends[line]!;
    const nameEnd = fieldNameEnd(bytes, lineStart, lineEnd);
    if (nameEnd < 0) return false;
    if (equalsWord(bytes, lineStart, nameEnd, WORD_CONTENT_LENGTH)) return false;
    if (equalsWord(bytes, lineStart, nameEnd, WORD_TRANSFER_ENCODING)) return false;
    if (equalsWord(bytes, lineStart, nameEnd, WORD_HOST)) return false;
    lineStart = lineEnd + 2;
  }
  return true;
}
