// A request as an app sees it: fetch's names, but made of little. One string of the head and one buffer of the body;
// everything else is a substring that is made when it is asked for. Valid for as long as someone holds it.
//
// Strings that are substrings keep the whole head alive (up to maxHeadBytes) in V8: who stores one for long, copies
// it.

import type { StreamConnection } from "../stream.js";
import { readUtf8 } from "./latin1.js";
import type { RequestHead } from "./request-head.js";
import { RequestHeaders } from "./request-headers.js";

const NO_BYTES = new Uint8Array(0);

export class HttpRequest {
  /** As sent: methods are case-sensitive (RFC 9110 section 9.1). */
  readonly method: string;
  readonly #connection: StreamConnection;
  /** The head in Latin-1, from its first byte to the line end of its last field. */
  readonly #head: string;
  // Offsets in `#head`; see RequestHead.
  readonly #targetStart: number;
  readonly #targetEnd: number;
  readonly #pathStart: number;
  readonly #pathEnd: number;
  readonly #authorityStart: number;
  readonly #authorityEnd: number;
  readonly #fieldsStart: number;
  readonly #cookieStart: number;
  readonly #cookieEnd: number;
  readonly #cookieFields: number;
  readonly #isHttps: boolean;
  #headers: RequestHeaders | null = null;
  #path: string | null = null;
  #query: URLSearchParams | null = null;
  #body: Uint8Array = NO_BYTES;

  /** `parsed` is what `head` was parsed into; it is copied from, not kept. */
  constructor(connection: StreamConnection, head: string, parsed: RequestHead) {
    this.#connection = connection;
    this.#head = head;
    this.method = methodOf(head, parsed.methodEnd);
    this.#targetStart = parsed.targetStart;
    this.#targetEnd = parsed.targetEnd;
    this.#pathStart = parsed.pathStart;
    this.#pathEnd = parsed.pathEnd;
    this.#authorityStart = parsed.authorityStart;
    this.#authorityEnd = parsed.authorityEnd;
    this.#fieldsStart = parsed.fieldsStart;
    this.#cookieStart = parsed.cookieStart;
    this.#cookieEnd = parsed.cookieEnd;
    this.#cookieFields = parsed.cookieFields;
    this.#isHttps = parsed.isHttps;
  }

  /** For the server alone: sets the body before the request is given to anyone. */
  static setBody(request: HttpRequest, body: Uint8Array): void {
    request.#body = body;
  }

  /**
   * The absolute URI that the request is for (RFC 9112 section 3.3), not normalised: its path is as the client sent
   * it. In `OPTIONS *` it has no path. Without a Host, in HTTP/1.0, the host is "localhost".
   */
  get url(): string {
    const scheme = this.#isHttps ? "https://" : "http://";
    const path = this.path === "*" ? "" : this.path;
    return scheme + this.host + path + this.#head.substring(this.#pathEnd, this.#targetEnd);
  }

  /** Host and, where given, port: of the target, or else of the Host field. */
  get host(): string {
    if (this.#authorityEnd === 0) return "localhost";
    return this.#head.substring(this.#authorityStart, this.#authorityEnd);
  }

  /** The path as sent: percent-encoded, dot segments and all. "*" in `OPTIONS *`. */
  get path(): string {
    if (this.#path === null) {
      const path = this.#head.substring(this.#pathStart, this.#pathEnd);
      this.#path = path === "" ? (this.method === "OPTIONS" ? "*" : "/") : path;
    }
    return this.#path;
  }

  get query(): URLSearchParams {
    // `slice`: without a question mark the start is beyond the end, which `substring` would swap.
    this.#query ??= new URLSearchParams(this.#head.slice(this.#pathEnd + 1, this.#targetEnd));
    return this.#query;
  }

  /** The request target as sent, in whichever form. */
  get target(): string {
    return this.#head.substring(this.#targetStart, this.#targetEnd);
  }

  get headers(): RequestHeaders {
    this.#headers ??= new RequestHeaders(this.#head, this.#fieldsStart);
    return this.#headers;
  }

  /** The peer's IP address as text. */
  get sourceAddress(): string {
    return this.#connection.sourceAddress;
  }

  get sourcePort(): number {
    return this.#connection.sourcePort;
  }

  /**
   * The value of the first cookie of this name (case-sensitive), as sent but without surrounding quotes; null if
   * there is none. Makes no string but the value.
   */
  cookie(name: string): string | null {
    if (this.#cookieFields === 0) return null;
    if (this.#cookieFields === 1) return findCookie(this.#head, this.#cookieStart, this.#cookieEnd, name);
    const cookies = this.headers.get("cookie") ?? "";
    return findCookie(cookies, 0, cookies.length, name);
  }

  /**
   * The body, not copied. A Promise in all of these, as in fetch, though the body has arrived when the app is called.
   */
  async bytes(): Promise<Uint8Array> {
    return this.#body;
  }

  /** A copy of the body. */
  async arrayBuffer(): Promise<ArrayBuffer> {
    const copy = new ArrayBuffer(this.#body.length);
    new Uint8Array(copy).set(this.#body);
    return copy;
  }

  /** The body as UTF-8, without a byte order mark; what is not UTF-8 becomes U+FFFD. */
  async text(): Promise<string> {
    return this.#text();
  }

  /** Rejects with a SyntaxError if the body is not JSON. */
  async json(): Promise<unknown> {
    return JSON.parse(this.#text());
  }

  /** An HTML form's fields. Rejects with a TypeError if the body is not `application/x-www-form-urlencoded`. */
  async form(): Promise<URLSearchParams> {
    const type = this.headers.get("content-type") ?? "";
    if (!/^application\/x-www-form-urlencoded[ \t]*(;|$)/i.test(type)) {
      throw new TypeError("the request's content-type is not application/x-www-form-urlencoded");
    }
    return new URLSearchParams(this.#text());
  }

  #text(): string {
    const body = this.#body;
    const hasMark = body.length >= 3 && body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
    return readUtf8(body, hasMark ? 3 : 0, body.length);
  }
}

function methodOf(head: string, end: number): string {
  // The usual methods without a new string.
  if (end === 3 && head.startsWith("GET")) return "GET";
  if (end === 4 && head.startsWith("POST")) return "POST";
  return head.substring(0, end);
}

/**
 * Finds `name=value` among the pairs of `text[start … end)`, which semicolons and spaces part (RFC 6265 section
 * 4.2.1).
 */
function findCookie(text: string, start: number, end: number, name: string): string | null {
  let at = start;
  while (at < end) {
    const byte = text.charCodeAt(at);
    if (byte === 0x20 || byte === 0x09 || byte === 0x3b) {
      at++;
      continue;
    }
    const semicolon = text.indexOf(";", at);
    const pairEnd = semicolon < 0 || semicolon > end ? end : semicolon;
    const valueStart = at + name.length + 1;
    if (valueStart <= pairEnd && text.charCodeAt(valueStart - 1) === 0x3d && text.startsWith(name, at)) {
      return cookieValue(text, valueStart, pairEnd);
    }
    at = pairEnd;
  }
  return null;
}

function cookieValue(text: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (to > from && (text.charCodeAt(to - 1) === 0x20 || text.charCodeAt(to - 1) === 0x09)) to--;
  if (to - from >= 2 && text.charCodeAt(from) === 0x22 && text.charCodeAt(to - 1) === 0x22) {
    from++;
    to--;
  }
  return text.substring(from, to);
}
