// The shop's files: what is the same for everyone, kept in memory from the start. They need no session.

import { type HttpRequest, HttpResponse, StaticFile } from "../app/app.js";
import { SEED_PRODUCTS } from "./catalogue.js";
import { illustrate } from "./illustration.js";
import { EMPTY_SHELL, FAVICON, SHORE } from "./scenes.js";
import { STYLE } from "./style.js";

const CSS = "text/css; charset=utf-8";
const SVG = "image/svg+xml";
const TEXT = "text/plain; charset=utf-8";
const ROBOTS = "User-agent: *\nDisallow: /cart\nDisallow: /checkout\nDisallow: /orders\n";

const HEADERS = {
  "x-content-type-options": "nosniff",
  // An SVG opened by itself is a document.
  "content-security-policy": "default-src 'none'",
};

/** `maxAgeS` is how long a browser shows it without asking, in seconds. */
function fileOf(body: string, type: string, maxAgeS: number): StaticFile {
  return new StaticFile(body, { type, maxAgeS, headers: HEADERS });
}

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;

const FILES: ReadonlyMap<string, StaticFile> = new Map([
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

/** True for paths that are answered by `answerFile`, whether or not there is such a file. */
export function isFilePath(path: string): boolean {
  return path.startsWith("/images/") || FILES.has(path);
}

export function answerFile(request: HttpRequest): HttpResponse | Promise<HttpResponse> {
  return FILES.get(request.path)?.answer(request) ?? NO_SUCH_FILE;
}
