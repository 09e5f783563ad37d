// From options to settings: checks what a farm was told, once, and completes it; all other code trusts the settings.
// What there is to tell is one table, options/option-table.ts, which `createFarm` and the command line share.

import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { hasEffect, parseFaultPlan } from "./link/fault-plan.js";
import { appUrlOf, SHOP_URL } from "./options/app-url.js";
import { isPostgresUrl } from "./options/database-url.js";
import { parseEndpoint, parseUnixSocket } from "./options/endpoint.js";
import { parseInterfaceAddress } from "./options/farm-addresses.js";
import type { FarmOptions, FarmSettings, OptionName } from "./options/farm-options.js";
import { secretsIn } from "./options/option-kinds.js";
import { findProblems, type Origins } from "./options/option-problems.js";
import { OPTIONS } from "./options/option-table.js";

export { describeSettings } from "./options/describe-settings.js";
export { httpUrlOf } from "./options/endpoint.js";
export { hostAddressOf, urlOf } from "./options/farm-addresses.js";
export { type FarmOptions, type FarmSettings, LOG_LEVELS, type LogLevel } from "./options/farm-options.js";
export { flagOf } from "./options/option-table.js";

/** An option that cannot be taken; the message is one sentence that names it and says what it takes. */
export class OptionError extends Error {
  override readonly name = "OptionError";
  readonly code = "invalid_option";
}

/**
 * Checks the options and completes them. `origins` says where they were written, for messages; without it, as for
 * `createFarm`, they go by their names here. Throws `OptionError`, for the first problem.
 */
export function resolveOptions(options: FarmOptions, origins: Origins = {}): FarmSettings {
  const [problem] = findProblems(options, origins);
  if (problem !== undefined) throw new OptionError(problem);
  const of = <Name extends OptionName>(name: Name) => effective(options, name);
  const app = of("app");
  const workers = of("workers");
  const database = of("database");
  const secret = of("secret");
  const domain = of("cookieDomain");
  const maxAgeSeconds = of("cookieMaxAgeSeconds");
  const fault = parseFaultPlan(of("fault"));
  const accessLog = of("accessLog");
  return {
    // The check has found a URL in it.
    appUrl: app === undefined ? SHOP_URL : appUrlOf(app)!,
    port: of("port"),
    socket: parseEndpoint(of("socket")),
    tun: of("tun"),
    device: of("device"),
    addresses: [of("address"), of("address6")].flatMap((text) => parseInterfaceAddress(text) ?? []),
    mtuBytes: of("mtuBytes"),
    fault: fault !== undefined && hasEffect(fault) ? fault : undefined,
    congestion: of("congestion"),
    tcpKeepAliveMs: of("tcpKeepAliveSeconds") * 1000,
    poolSlots: of("poolSlots"),
    fragments: of("fragments"),
    workers: workers === "auto" ? Math.max(2, availableParallelism() - 1) : workers,
    slowStartMs: of("slowStartSeconds") * 1000,
    drainTimeoutMs: of("drainSeconds") * 1000,
    hangTimeoutMs: of("hangSeconds") * 1000,
    policy: of("policy"),
    affinity: of("affinity"),
    affinityTimeMs: of("affinitySeconds") * 1000,
    affinityPrefix: of("affinityPrefix"),
    affinityPrefix6: of("affinityPrefix6"),
    spillFlows: of("spillFlows"),
    flowEntries: of("flowEntries"),
    tableFull: of("tableFull"),
    seed: of("seed"),
    database: database === ":memory:" || isPostgresUrl(database) ? database : resolve(database),
    sqliteDriver: of("sqliteDriver"),
    coherence: of("coherence"),
    durability: of("durability"),
    sessions: {
      cacheBytes: of("cacheMib") * 1024 * 1024,
      maxStateBytes: of("maxStateKib") * 1024,
      idleExpiryMs: of("sessionIdleSeconds") * 1000,
      absoluteExpiryMs: of("sessionAbsoluteSeconds") * 1000 || Number.POSITIVE_INFINITY,
    },
    secrets: secret === undefined ? undefined : secretsIn(secret),
    cookie: {
      name: of("cookieName"),
      path: of("cookiePath"),
      domain: domain === "none" ? undefined : domain,
      secure: of("cookieSecure"),
      httpOnly: of("cookieHttpOnly"),
      sameSite: of("cookieSameSite"),
      maxAgeMs: maxAgeSeconds === 0 ? undefined : maxAgeSeconds * 1000,
      rolling: of("cookieRolling"),
    },
    admin: parseEndpoint(of("admin")) ?? parseUnixSocket(of("admin")),
    adminToken: of("adminToken"),
    logLevel: of("logLevel"),
    accessLog: accessLog === undefined || accessLog === "-" ? accessLog : resolve(accessLog),
  };
}

type Value<Name extends OptionName> =
  | Exclude<FarmOptions[Name], undefined>
  | (typeof OPTIONS)[Name]["default"];

function effective<Name extends OptionName>(options: FarmOptions, name: Name): Value<Name> {
  return (options[name] ?? OPTIONS[name].default) as Value<Name>;
}
