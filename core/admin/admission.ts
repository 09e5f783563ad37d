// Who may ask the admin interface for what. With a token, whoever shows it; without one, programs on this machine, but not
// web pages that a browser on this machine happens to have open: a page can send requests to loopback too.
//
// What pages can do, and what stops them: a page whose own name is made to mean 127.0.0.1 (DNS rebinding) may read answers,
// but its name stands in Host. A page elsewhere may not read, but may send (cross-site request forgery): its name stands in
// Origin (RFC 6454 section 7), and what a form or a script without preflight can send is never application/json.

import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isLoopback } from "../options/endpoint.js";

export interface Access {
  /** What must be shown; undefined: nothing. */
  readonly token: string | undefined;
  /** Of a unix socket, the file's mode says who may ask; no browser can open one. */
  readonly isUnixSocket: boolean;
}

export interface Refusal {
  readonly status: number;
  /** One sentence. */
  readonly error: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Paths that tell nothing of the farm but whether it is well, and the page, which knows nothing until it is given the token. */
const OPEN_PATHS: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/"]);

/** Why the request may not be answered, or undefined. `path` is the target's, without its query. */
export function refusalOf(request: IncomingMessage, path: string, access: Access): Refusal | undefined {
  return (
    (access.token === undefined
      ? strangerRefusal(request, access.isUnixSocket)
      : tokenRefusal(request, path, access.token)) ?? bodyRefusal(request)
  );
}

function tokenRefusal(request: IncomingMessage, path: string, token: string): Refusal | undefined {
  if (OPEN_PATHS.has(path)) return undefined;
  const [, shown = ""] = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? "") ?? [];
  if (isEqual(shown, token)) return undefined;
  return {
    status: 401,
    error: "this needs the admin token, as Authorization: Bearer …",
    // RFC 6750 section 3.
    headers: { "WWW-Authenticate": 'Bearer realm="limpet"' },
  };
}

/** Compares digests, so that the time it takes tells neither where the texts differ nor how long they are. */
function isEqual(one: string, other: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

function strangerRefusal(request: IncomingMessage, isUnixSocket: boolean): Refusal | undefined {
  const { host, origin } = request.headers;
  if (!isUnixSocket && !(host !== undefined && isLoopback(hostNameOf(host)))) {
    // RFC 9110 section 15.5.20: the request is for somebody else.
    return { status: 421, error: "without an admin token, Host must be localhost or a loopback address" };
  }
  const isSafe = request.method === "GET" || request.method === "HEAD";
  if (!isSafe && origin !== undefined && origin.toLowerCase() !== `http://${host?.toLowerCase()}`) {
    return { status: 403, error: "pages of other origins may change nothing here" };
  }
  return undefined;
}

/** The host of "host:port", without the brackets of an IPv6 address. */
function hostNameOf(host: string): string {
  const [, ipv6, name] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? [];
  return (ipv6 ?? name ?? "").toLowerCase();
}

/** A form sends a type even where it sends no content; a program without a body sends none. */
function bodyRefusal(request: IncomingMessage): Refusal | undefined {
  const { headers } = request;
  const type = headers["content-type"];
  const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) !== 0;
  if (type === undefined ? !hasBody : /^application\/json *(;|$)/i.test(type)) return undefined;
  return { status: 415, error: "a body must be application/json" };
}
