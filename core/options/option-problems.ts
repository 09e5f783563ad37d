// What is wrong with options, one sentence a problem: it names the option as it was written where it came from, says what
// the option takes, and shows what it was given, unless that is a secret: messages end up in logs.

import { inspect } from "node:util";
import { isPostgresUrl } from "./database-url.js";
import { formatEndpoint, isLoopback, parseEndpoint } from "./endpoint.js";
import type { FarmOptions, OptionName } from "./farm-options.js";
import { nearestName } from "./nearest-name.js";
import { flagOf, isOptionName, keyOf, OPTION_NAMES, OPTIONS, optionOf, variableOf } from "./option-table.js";

/** Where an option's value was written. */
export type Origin =
  | { readonly from: "flag" }
  | { readonly from: "environment" }
  | { readonly from: "file"; readonly file: string };

/** Where each option was written; one that is given and not here was given to `createFarm`. */
export type Origins = { readonly [Name in OptionName]?: Origin };

/** All that is wrong, in the table's order; empty if `resolveOptions` takes them. */
export function findProblems(options: FarmOptions, origins: Origins = {}): string[] {
  if (typeof options !== "object" || options === null) return ["the options must be an object"];
  const unknown = Object.keys(options).filter((name) => !isOptionName(name));
  const wrong = OPTION_NAMES.filter((name) => !isAccepted(name, options[name]));
  return [
    ...unknown.map((name) => `there is no option ${inWords(name)}${suggestion(name, OPTION_NAMES)}`),
    ...wrong.map((name) => wrongValue(name, options[name], origins[name])),
    // What options say together means nothing while one of them is wrong.
    ...(wrong.length === 0 ? findConflicts(options, origins) : []),
  ];
}

/** `undefined` counts as left out, `null` does not. */
function isAccepted(name: OptionName, value: unknown): boolean {
  return value === undefined || optionOf(name).kind.accepts(value);
}

function wrongValue(name: OptionName, value: unknown, origin: Origin | undefined): string {
  const { kind, isSecret } = optionOf(name);
  const shownValue = typeof value === "string" ? (kind.shows?.(value) ?? value) : value;
  const not = isSecret ? "" : `, not ${shown(shownValue)}`;
  return `${subjectOf(name, origin)} takes ${kind.takes}${not}`;
}

/** Options that are right one by one and cannot be together. */
function findConflicts(options: FarmOptions, origins: Origins): string[] {
  const {
    address = OPTIONS.address.default,
    address6 = OPTIONS.address6.default,
    socket = OPTIONS.socket.default,
    admin = OPTIONS.admin.default,
    adminToken,
    fault = OPTIONS.fault.default,
    tun = OPTIONS.tun.default,
  } = options;
  const problems: string[] = [];
  const subject = (name: OptionName) => subjectOf(name, origins[name]);
  if (address === "none" && address6 === "none") {
    problems.push(`${subject("address")} and ${subject("address6")} cannot both be none`);
  }
  if (fault !== "none" && tun === "off") {
    problems.push(
      `${subject("fault")} needs a TUN device, and ${subject("tun")} is off: sockets lose no packets`,
    );
  }
  problems.push(...findCookieConflicts(options, subject));
  if (options.secret === undefined && isPostgresUrl(options.database ?? "")) {
    problems.push(
      `${subject("database")} in PostgreSQL needs a secret that all its farms share ` +
        `(${variableOf("secret")}, or ${keyOf("secret")} in an options file): ${OPTIONS.secret.kind.takes}`,
    );
  }
  const adminEndpoint = parseEndpoint(admin);
  if (adminEndpoint === undefined) return problems;
  if (adminToken === undefined && !isLoopback(adminEndpoint.host)) {
    problems.push(
      `${subject("admin")} at ${admin}, which others can reach, needs an adminToken ` +
        `(${variableOf("adminToken")}, or ${keyOf("adminToken")} in an options file) of ${OPTIONS.adminToken.kind.takes}`,
    );
  }
  const socketEndpoint = parseEndpoint(socket);
  if (adminEndpoint.port !== 0 && formatEndpoint(socketEndpoint) === formatEndpoint(adminEndpoint)) {
    problems.push(`${subject("socket")} and ${subject("admin")} cannot both be ${admin}`);
  }
  return problems;
}

/** Cookies that browsers refuse (draft-ietf-httpbis-rfc6265bis section 5.7). */
function findCookieConflicts(options: FarmOptions, subject: (name: OptionName) => string): string[] {
  const {
    cookieName = OPTIONS.cookieName.default,
    cookiePath = OPTIONS.cookiePath.default,
    cookieDomain = OPTIONS.cookieDomain.default,
    cookieSecure = OPTIONS.cookieSecure.default,
    cookieSameSite = OPTIONS.cookieSameSite.default,
  } = options;
  const problems: string[] = [];
  if (cookieSameSite === "none" && !cookieSecure) {
    problems.push(`${subject("cookieSameSite")} none needs ${subject("cookieSecure")}`);
  }
  // Browsers look at prefixes whatever their case.
  if (/^__secure-/i.test(cookieName) && !cookieSecure) {
    problems.push(`${subject("cookieName")} ${cookieName} needs ${subject("cookieSecure")}`);
  }
  const isOfHost = cookieSecure && cookiePath === "/" && cookieDomain === "none";
  if (/^__host-/i.test(cookieName) && !isOfHost) {
    problems.push(
      `${subject("cookieName")} ${cookieName} needs ${subject("cookieSecure")}, ` +
        `${subject("cookiePath")} / and ${subject("cookieDomain")} none`,
    );
  }
  return problems;
}

/** The option as it is written where it came from, to begin a sentence with. */
export function subjectOf(name: OptionName, origin: Origin | undefined): string {
  switch (origin?.from) {
    case "flag":
      return flagOf(name);
    case "environment":
      return `${variableOf(name)}: ${keyOf(name)}`;
    case "file":
      return `${keyOf(name)} in ${inWords(origin.file)}`;
    default:
      return optionOf(name).isSecret ? name : `${name} (${flagOf(name)})`;
  }
}

/** A question after a name that there is none of, or nothing. */
export function suggestion(text: string, names: readonly string[]): string {
  const name = nearestName(text, names);
  return name === undefined ? "" : `; did you mean ${name}?`;
}

/** A name or path that somebody wrote: as it is if there is nothing in it that could tear a sentence apart. */
export function inWords(name: string): string {
  return /^[\w./~-]{1,200}$/.test(name) ? name : shown(name);
}

/** Any value in one line, and a short one. */
function shown(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : inspect(value, { depth: 0 });
  const line = text.replaceAll(/\s+/g, " ");
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}
