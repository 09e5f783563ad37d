// The shop's files: what is the same for everyone, kept in memory from the start. They need no session. Their strong
// entity tags are hashes of their bytes, so a browser that has them is told so with 304 (RFC 9110 section 13.1.2).

import { createHash } from "node:crypto";
import { type HttpRequest, HttpResponse } from "../app/app.js";
import { SEED_PRODUCTS } from "./catalogue.js";
import { illustrate } from "./illustration.js";
import { EMPTY_SHELL, FAVICON, SHORE } from "./scenes.js";
import { STYLE } from "./style.js";

const CSS = "text/css; charset=utf-8";
const SVG = "image/svg+xml";
const TEXT = "text/plain; charset=utf-8";
const ROBOTS = "User-agent: *\nDisallow: /cart\nDisallow: /checkout\nDisallow: /orders\n";

interface ShopFile {
  readonly etag: string;
  readonly response: HttpResponse;
  readonly notModified: HttpResponse;
}

/** `maxAgeS` is how long a browser shows it without asking, in seconds. */
function fileOf(body: string, type: string, maxAgeS: number): ShopFile {
  const bytes = Buffer.from(body);
  const etag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
  const headers = {
    etag,
    "cache-control": `public, max-age=${maxAgeS}`,
    "x-content-type-options": "nosniff",
    // An SVG opened by itself is a document.
    "content-security-policy": "default-src 'none'",
  };
  return {
    etag,
    response: new HttpResponse(bytes, { headers: { ...headers, "content-type": type } }),
    notModified: new HttpResponse(null, { status: 304, headers }),
  };
}

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;

const FILES: ReadonlyMap<string, ShopFile> = new Map([
  // A new version of the shop must not be seen in the old one's clothes for long.
  ["/style.css", fileOf(STYLE, CSS, 60)],
  ["/favicon.svg", fileOf(FAVICON, SVG, DAY_S)],
  ["/favicon.ico", fileOf(FAVICON, SVG, DAY_S)],
  ["/images/shore.svg", fileOf(SHORE, SVG, DAY_S)],
  ["/images/empty-shell.svg", fileOf(EMPTY_SHELL, SVG, DAY_S)],
  ["/robots.txt", fileOf(ROBOTS, TEXT, DAY_S)],
  ...SEED_PRODUCTS.map(
    ({ id, motif, hue }) => [`/images/${id}.svg`, fileOf(illustrate(motif, hue), SVG, DAY_S)] as const,
  ),
]);

const NO_SUCH_FILE = HttpResponse.text("There is no such picture.\n", { status: 404 });
const WRONG_METHOD = HttpResponse.text("This can be read only.\n", {
  status: 405,
  headers: { allow: "GET, HEAD" },
});

/** True for paths that are answered by `answerFile`, whether or not there is such a file. */
export function isFilePath(path: string): boolean {
  return path.startsWith("/images/") || FILES.has(path);
}

export function answerFile(request: HttpRequest): HttpResponse {
  const file = FILES.get(request.path);
  if (file === undefined) return NO_SUCH_FILE;
  if (request.method !== "GET" && request.method !== "HEAD") return WRONG_METHOD;
  return hasTag(request.headers.get("if-none-match"), file.etag) ? file.notModified : file.response;
}

/** Whether If-None-Match names the tag; weak comparison (RFC 9110 section 13.1.2). Our tags have no comma in them. */
function hasTag(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false;
  return ifNoneMatch.split(",").some((one) => {
    const tag = one.trim();
    return tag === "*" || tag === etag || tag === `W/${etag}`;
  });
}
