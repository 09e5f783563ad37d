// What the shop takes from a request that wants to change something: bodies of its own two types, of a size that its
// fields can have, and forms from its own pages only. Knows neither pages nor the API: each refuses in its own words.

import type { HttpRequest } from "../app/app.js";

/** Longest body, in bytes: all fields at their longest, percent-encoded, several times over. */
export const MAX_BODY_BYTES = 32 * 1024;

export const FORM_TYPE = "application/x-www-form-urlencoded";
export const JSON_TYPE = "application/json";

/** Whether the request's body is of this media type, whatever its parameters (RFC 9110 section 8.3.1). */
export function isOfType(request: HttpRequest, type: string): boolean {
  const [given = ""] = (request.headers.get("content-type") ?? "").split(";", 1);
  return given.trim().toLowerCase() === type;
}

/** Told before anything is decoded: a long body must not keep a worker busy, nor come back in a form filled in again. */
export async function isTooLong(request: HttpRequest): Promise<boolean> {
  return (await request.bytes()).length > MAX_BODY_BYTES;
}

/**
 * True if a browser says that another site has sent the request, which a form's token alone would not tell once it has
 * leaked. Browsers send Sec-Fetch-Site to trustworthy addresses only (TLS, localhost), and Origin with every form; what
 * sends neither is no browser.
 */
export function isFromElsewhere(request: HttpRequest): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site !== "same-origin" && site !== "none";
  const origin = request.headers.get("origin");
  if (origin === null) return false;
  // Without the scheme, which may be another one: TLS can end in front of the farm.
  return !URL.canParse(origin) || new URL(origin).host !== request.host.toLowerCase();
}
