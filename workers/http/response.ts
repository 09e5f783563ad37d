// A response as an app makes it: fetch's shape, but light. It is data only; how it becomes bytes is the emitter's
// business. What always holds: its status and its fields are valid. It is not changed by being sent, so one with a
// string or bytes as its body may be given again and again; one with a stream, once.

import { type HeadersInit, ResponseHeaders } from "./response-headers.js";

export interface ResponseInit {
  /** 200 … 599; 200 if not given. */
  readonly status?: number | undefined;
  readonly headers?: HeadersInit | undefined;
}

export type ResponseBody = string | Uint8Array | ReadableStream<Uint8Array>;

const TEXT = "text/plain; charset=utf-8";
const HTML = "text/html; charset=utf-8";
const JSON_TYPE = "application/json";

export class HttpResponse {
  readonly status: number;
  /** Bytes are sent without being copied: they must not be changed after the response has been returned. */
  readonly body: ResponseBody | null;
  readonly headers: ResponseHeaders;

  /**
   * A string is sent as UTF-8, of type `defaultType` if the headers name none. A stream is sent chunked, as fast as
   * the client takes it. Throws a RangeError for a status outside of 200 … 599 and a TypeError for an invalid body or
   * invalid headers.
   */
  constructor(body: ResponseBody | null = null, init?: ResponseInit, defaultType = TEXT) {
    if (body !== null && !isBody(body)) {
      throw new TypeError("the body of a response must be a string, a Uint8Array, a ReadableStream or null");
    }
    this.body = body;
    this.headers = new ResponseHeaders();
    if (init === undefined) {
      this.status = 200;
    } else {
      this.status = checkedStatus(init.status ?? 200);
      if (init.headers !== undefined) this.headers.appendAll(init.headers);
    }
    if (typeof body === "string") this.headers.defaultContentType(defaultType);
  }

  static text(body: string, init?: ResponseInit): HttpResponse {
    return new HttpResponse(body, init);
  }

  static html(body: string, init?: ResponseInit): HttpResponse {
    return new HttpResponse(body, init, HTML);
  }

  /** Throws a TypeError if `value` has no JSON form. */
  static json(value: unknown, init?: ResponseInit): HttpResponse {
    const text: string | undefined = JSON.stringify(value);
    if (text === undefined) throw new TypeError("the response's value has no JSON form");
    return new HttpResponse(text, init, JSON_TYPE);
  }

  /** `location` is sent as it is: what must be percent-encoded in it already is. 303 suits an answer to a form. */
  static redirect(location: string, status: 301 | 302 | 303 | 307 | 308 = 302): HttpResponse {
    if (![301, 302, 303, 307, 308].includes(status)) throw new RangeError(`${status} is no redirect`);
    return new HttpResponse(null, { status, headers: { location } });
  }

  /**
   * The same response from a WHATWG one, whose body becomes ours. Throws a TypeError if that body is used already.
   */
  static from(response: Response): HttpResponse {
    if (response.bodyUsed || response.body?.locked)
      throw new TypeError("the response's body is used already");
    // The two declarations of the same stream differ only in names.
    const body = response.body as ReadableStream<Uint8Array> | null;
    return new HttpResponse(body, { status: response.status, headers: response.headers });
  }

  /** A copy with one field more; this one stays as it is, as an app may give the same response to everyone. */
  withAppendedHeader(name: string, value: string): HttpResponse {
    const copy = new HttpResponse(this.body, { status: this.status, headers: this.headers });
    copy.headers.append(name, value);
    return copy;
  }
}

function checkedStatus(status: number): number {
  if (Number.isInteger(status) && status >= 200 && status <= 599) return status;
  throw new RangeError(`the status of a response must be 200 to 599, not ${status}`);
}

/** Looked at as it runs, because apps need not be checked by a compiler. */
function isBody(body: unknown): body is ResponseBody {
  return typeof body === "string" || body instanceof Uint8Array || body instanceof ReadableStream;
}
