// Where a socket listens, between text and its parts: "127.0.0.1:8080", "[::1]:8080", "localhost:8080", "unix:/run/a.sock".
// Names other than localhost are no endpoints: what they mean is only known to a resolver, at another time than now.

import { formatAddress, parseAddress } from "../wire/address.js";
import type { Endpoint, UnixSocket } from "./farm-options.js";

/** `sun_path` of unix(7) has room for 108 bytes, the last of them zero. */
const MAX_UNIX_PATH_BYTES = 107;

/** The parts of `host:port`, or undefined if `text` is not exactly that. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const parts = /^(?:\[([\da-f:.]+)\]|([\d.]+|localhost)):(0|[1-9]\d{0,4})$/i.exec(text);
  if (parts === null) return undefined;
  const [, ipv6, name = "", digits] = parts;
  const port = Number(digits);
  if (port > 65_535) return undefined;
  const host = ipv6 ?? name.toLowerCase();
  const addressLength = ipv6 === undefined ? 4 : 16;
  if (host !== "localhost" && parseAddress(host)?.length !== addressLength) return undefined;
  return { host, port };
}

/** The path of `unix:/path`, or undefined if `text` is not exactly that, or the path too long for the kernel. */
export function parseUnixSocket(text: string): UnixSocket | undefined {
  const path = text.startsWith("unix:") ? text.slice("unix:".length) : "";
  // A path that ends in a slash is a directory's; a zero byte would end it early.
  const isPath = path.startsWith("/") && !path.endsWith("/") && !path.includes("\0");
  return isPath && Buffer.byteLength(path) <= MAX_UNIX_PATH_BYTES ? { path } : undefined;
}

/** The text that `parseEndpoint` or `parseUnixSocket` takes, or "none". */
export function formatEndpoint(endpoint: Endpoint | UnixSocket | undefined): string {
  if (endpoint === undefined) return "none";
  if ("path" in endpoint) return `unix:${endpoint.path}`;
  return `${bracketed(endpoint.host)}:${endpoint.port}`;
}

/** What to open in a browser; of a host that stands for all addresses of this machine, the machine's own name. */
export function httpUrlOf({ host, port }: Endpoint): string {
  const name = host === "0.0.0.0" || host === "::" ? "localhost" : host;
  return `http://${bracketed(name)}${port === 80 ? "" : `:${port}`}/`;
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/**
 * Whether only this machine can reach the host: 127.0.0.0/8 (RFC 1122 section 3.2.1.3), ::1 (RFC 4291 section 2.5.3) and
 * localhost (RFC 6761 section 6.3). Everything else is taken to be open to others.
 */
export function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  const address = parseAddress(host);
  if (address?.length === 4) return address[0] === 127;
  return address !== undefined && formatAddress(address, 0, address.length) === "::1";
}
