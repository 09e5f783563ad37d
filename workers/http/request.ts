// A request as an app sees it: fetch's names, but made of little. One string of the head, and the body if there is one;
// everything else is a substring that is made when it is asked for. Valid for as long as someone holds it.
//
// Strings that are substrings keep the whole head alive (up to maxHeadBytes) in V8: who stores one for long, copies
// it.

import type { StreamConnection } from "../stream.js";
import type { IncomingBody } from "./incoming-body.js";
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
  #body: IncomingBody | null = null;
  #isStreamed = false;

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

  /** For the server alone: sets the body before the request is given to anyone. `isStreamed`: it has yet to arrive. */
  static setBody(request: HttpRequest, body: IncomingBody, isStreamed: boolean): void {
    request.#body = body;
    request.#isStreamed = isStreamed;
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

  /** True if the app was called before the body had arrived, because it has said so (`App.body`). */
  get isStreamed(): boolean {
    return this.#isStreamed;
  }

  /**
   * The body as a byte stream, made when asked for; null if the request has none. Each piece is its reader's own. Of a streamed
   * request it is the body as it arrives: what is not read is not received, down to the TCP window, and whoever has taken the
   * stream has the body, so that `bytes()` and the like reject. It fails with a RequestBodyError.
   */
  get body(): ReadableStream<Uint8Array> | null {
    return this.#body === null ? null : this.#body.stream;
  }

  /**
   * The whole body, not copied. This and what follows may be called as often as one likes. Of a streamed request they gather the
   * body first, and reject with a RequestBodyError if it is too large for that, or does not arrive.
   */
  bytes(): Promise<Uint8Array> {
    return this.#body === null ? Promise.resolve(NO_BYTES) : this.#body.gather();
  }

  /** A copy of the body. */
  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#read((bytes) => new Uint8Array(bytes).buffer as ArrayBuffer);
  }

  /** The body as UTF-8, without a byte order mark; what is not UTF-8 becomes U+FFFD. */
  text(): Promise<string> {
    return this.#read(decodeText);
  }

  /** Rejects with a SyntaxError if the body is not JSON. */
  json(): Promise<unknown> {
    return this.#read((bytes) => JSON.parse(decodeText(bytes)));
  }

  /** An HTML form's fields. Rejects with a TypeError if the body is not `application/x-www-form-urlencoded`. */
  form(): Promise<URLSearchParams> {
    return this.#read((bytes) => {
      const type = this.headers.get("content-type") ?? "";
      if (!/^application\/x-www-form-urlencoded[ \t]*(;|$)/i.test(type)) {
        throw new TypeError("the request's content-type is not application/x-www-form-urlencoded");
      }
      return new URLSearchParams(decodeText(bytes));
    });
  }

  /**
   * The fields behind a chunked body (RFC 9112 section 7.1.2), once that has been read to its end; null before, and where there
   * are none. They are no part of `headers`: what a client adds afterwards must not change what was decided on (RFC 9110
   * section 6.5.1).
   */
  get trailers(): RequestHeaders | null {
    const lines = this.#body === null ? "" : this.#body.trailers;
    return lines === "" ? null : new RequestHeaders(lines, 0);
  }

  #read<Result>(decode: (bytes: Uint8Array) => Result): Promise<Result> {
    const result = this.bytes().then(decode);
    // A handler may have lost interest by then; its client's going away must not end the worker.
    result.catch(() => {});
    return result;
  }
}

function decodeText(bytes: Uint8Array): string {
  const hasMark = bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return readUtf8(bytes, hasMark ? 3 : 0, bytes.length);
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
