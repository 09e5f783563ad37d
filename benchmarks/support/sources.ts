// Sources of load, in a namespace of our own: a process's user decides which address it comes from, so that any program is a client
// of its own without knowing of it, over the same path as all others. A farm pins a source to a worker: with fewer sources than
// workers it is not the farm that is measured.
//
// The kernel chooses a source address by the route, and the route by rules, which know the user. The rules for users must come before
// the one for local addresses, which is the first of all by default.

import { execFileSync } from "node:child_process";
import { CLIENT_PREFIX } from "./namespace.js";

export interface Source {
  /** Number of the user whose processes come from the address. */
  readonly user: number;
  readonly address: string;
}

/** Where servers that are not on a device of their own are asked: an address of the loopback interface. */
export const LOOPBACK_HOST = "198.19.0.1";

/** Nobody has these numbers. */
const FIRST_USER = 60_800;
export const MAX_SOURCES = 200;

/** Behind the users' rules and before the table of what is not local. */
const LOCAL_RULE = 1000;

function ip(...parameters: string[]): string {
  return execFileSync("ip", parameters, { encoding: "utf8" });
}

/** So many sources, with their ways to the loopback interface. Throws if the kernel has no rules for users. */
export function makeSources(count: number): Source[] {
  if (count > MAX_SOURCES) throw new RangeError(`there are ${MAX_SOURCES} sources at the most`);
  const rules = ip("rule", "show");
  if (!rules.includes(`${LOCAL_RULE}:`)) {
    ip("rule", "add", "pref", String(LOCAL_RULE), "lookup", "local");
    ip("rule", "del", "pref", "0");
  }
  const sources = Array.from({ length: count }, (_, n) => ({
    user: FIRST_USER + n,
    address: `198.19.1.${n + 1}`,
  }));
  for (const [n, { user }] of sources.entries()) {
    if (rules.includes(`uidrange ${user}-`)) continue;
    ip("rule", "add", "pref", String(n + 1), "uidrange", `${user}-${user}`, "lookup", String(user));
  }
  for (const { user, address } of sources)
    ip("route", "replace", "local", CLIENT_PREFIX.replace(".1/", ".0/"), "dev", "lo", ...via(user, address));
  return sources;
}

/** The sources' ways to a prefix behind a device, which go with the device. */
export function routeSources(sources: readonly Source[], prefix: string, device: string): void {
  for (const { user, address } of sources)
    ip("route", "replace", prefix, "dev", device, ...via(user, address));
}

function via(user: number, address: string): string[] {
  return ["table", String(user), "src", address];
}
