// A file that is the same for everyone, kept in memory: answered with what a client may keep, with nothing where it has it
// already, in part where it has the rest, and compressed where it can read that. What always holds: an entity tag is the hash of
// the very bytes that are sent under it, so that parts of two representations are never put together; each coding is made once.

import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { HttpRequest } from "../http/request.js";
import { HttpResponse } from "../http/response.js";
import { type Coding, chooseCoding } from "./accept-encoding.js";
import { parseRange } from "./byte-range.js";
import { namesTag } from "./entity-tag.js";

export interface StaticFileInit {
  /** Its media type, as Content-Type has it. */
  readonly type: string;
  /** How long a client may use it without asking, in seconds; 0: it asks each time whether it has changed. Default 0. */
  readonly maxAgeS?: number;
  /** Further fields of every answer with it. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Shorter ones are hardly made shorter. */
const MIN_COMPRESSED_BYTES = 256;
/** Beyond it the last percents of Brotli take seconds. */
const MAX_BEST_BROTLI_BYTES = 1024 * 1024;
const FAST_BROTLI_QUALITY = 5;

/** Text, and what is like it; pictures and the like are compressed by themselves. */
const COMPRESSIBLE_TYPE =
  /^(text\/|application\/(json|javascript|xml|wasm|manifest\+json)|[^;]+\+(xml|json))/i;

const COMPRESSORS: Readonly<Record<Coding, (bytes: Uint8Array) => Promise<Uint8Array>>> = {
  gzip: (bytes) => promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION }),
  br: (bytes) => {
    const isSmall = bytes.length <= MAX_BEST_BROTLI_BYTES;
    const quality = isSmall ? constants.BROTLI_MAX_QUALITY : FAST_BROTLI_QUALITY;
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    };
    return promisify(brotliCompress)(bytes, { params });
  },
};

/** The file in one coding, or as it is, and the answers with it that do not depend on the request. */
interface Representation {
  readonly bytes: Uint8Array;
  readonly etag: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly whole: HttpResponse;
  readonly notModified: HttpResponse;
}

const WRONG_METHOD = HttpResponse.text("This can be read only.\n", {
  status: 405,
  headers: { allow: "GET, HEAD" },
});

export class StaticFile {
  readonly #type: string;
  readonly #commonHeaders: Readonly<Record<string, string>>;
  readonly #isCompressible: boolean;
  readonly #plain: Representation;
  /** What each coding has come to, once somebody has asked for it; a promise while it is made. */
  readonly #coded = new Map<Coding, Representation | Promise<Representation>>();

  /** `body`: a string is sent as UTF-8; bytes must not be changed afterwards. */
  constructor(body: string | Uint8Array, init: StaticFileInit) {
    const { type, maxAgeS = 0, headers = {} } = init;
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    this.#type = type;
    this.#isCompressible = COMPRESSIBLE_TYPE.test(type) && bytes.length >= MIN_COMPRESSED_BYTES;
    this.#commonHeaders = {
      ...headers,
      "cache-control": maxAgeS === 0 ? "no-cache" : `public, max-age=${maxAgeS}`,
      ...(this.#isCompressible && { vary: "accept-encoding" }),
    };
    this.#plain = this.#represent(bytes, {});
  }

  /**
   * Answers GET and HEAD: 200, 304 (If-None-Match), 206 or 416 (Range, If-Range), 412 (If-Match); other methods with 405. There is
   * no Last-Modified, as what is made in memory has no honest one; conditions on dates are passed over (RFC 9110 section 13.1.3).
   * A promise only for the first client that is to have a coding.
   */
  answer(request: HttpRequest): HttpResponse | Promise<HttpResponse> {
    if (request.method !== "GET" && request.method !== "HEAD") return WRONG_METHOD;
    const representation = this.#choose(request);
    if (representation instanceof Promise) return representation.then((made) => select(request, made));
    return select(request, representation);
  }

  #choose(request: HttpRequest): Representation | Promise<Representation> {
    const coding = this.#isCompressible ? chooseCoding(request.headers.get("accept-encoding")) : null;
    if (coding === null) return this.#plain;
    const known = this.#coded.get(coding);
    if (known !== undefined) return known;
    const making = this.#encode(coding);
    this.#coded.set(coding, making);
    // Whoever asks next may have it made once more.
    making.catch(() => this.#coded.delete(coding));
    return making;
  }

  async #encode(coding: Coding): Promise<Representation> {
    const plain = this.#plain;
    const bytes = await COMPRESSORS[coding](plain.bytes);
    const made =
      bytes.length < plain.bytes.length ? this.#represent(bytes, { "content-encoding": coding }) : plain;
    this.#coded.set(coding, made);
    return made;
  }

  #represent(bytes: Uint8Array, own: Readonly<Record<string, string>>): Representation {
    const etag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
    const kept = { ...this.#commonHeaders, etag };
    const headers = { ...kept, ...own, "content-type": this.#type, "accept-ranges": "bytes" };
    return {
      bytes,
      etag,
      headers,
      whole: new HttpResponse(bytes, { headers }),
      notModified: new HttpResponse(null, { status: 304, headers: kept }),
    };
  }
}

/** The answer that the request's conditions select, in the order of RFC 9110 section 13.2.2. */
function select({ method, headers }: HttpRequest, representation: Representation): HttpResponse {
  const { etag, bytes } = representation;
  const ifMatch = headers.get("if-match");
  if (ifMatch !== null && !namesTag(ifMatch, etag, false)) {
    return HttpResponse.text("This has changed.\n", { status: 412, headers: { etag } });
  }
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch !== null && namesTag(ifNoneMatch, etag, true)) return representation.notModified;
  const rangeField = method === "GET" ? headers.get("range") : null;
  if (rangeField === null) return representation.whole;
  // What may have changed is sent whole; a date says nothing here.
  const ifRange = headers.get("if-range");
  if (ifRange !== null && ifRange !== etag) return representation.whole;
  const range = parseRange(rangeField, bytes.length);
  if (range === null) return representation.whole;
  if (range === "unsatisfiable") {
    const contentRange = `bytes */${bytes.length}`;
    return HttpResponse.text("There is no such part.\n", {
      status: 416,
      headers: { "content-range": contentRange },
    });
  }
  return new HttpResponse(bytes.subarray(range.start, range.end + 1), {
    status: 206,
    headers: {
      ...representation.headers,
      "content-range": `bytes ${range.start}-${range.end}/${bytes.length}`,
    },
  });
}
