// The effective settings as plain data, for people and for JSON: by the name of their option, in the option's own form
// and unit, so that what is shown can be written as it is. Secrets are not in it.

import { fileURLToPath } from "node:url";
import { formatFaultPlan } from "../link/fault-plan.js";
import { withoutPassword } from "./database-url.js";
import { formatEndpoint } from "./endpoint.js";
import { formatInterfaceAddress } from "./farm-addresses.js";
import type { FarmSettings, OptionName } from "./farm-options.js";

const IS_SET = "(set)";

/** A text, number or boolean for each option, "none" or words in brackets for what is not there. */
export function describeSettings(settings: FarmSettings): Record<OptionName, string | number | boolean> {
  const { sessions, cookie } = settings;
  return {
    app: fileURLToPath(settings.appUrl),
    port: settings.port,
    socket: formatEndpoint(settings.socket),
    tun: settings.tun,
    device: settings.device,
    address: addressText(settings, 4),
    address6: addressText(settings, 16),
    mtuBytes: settings.mtuBytes,
    fault: settings.fault === undefined ? "none" : formatFaultPlan(settings.fault),
    congestion: settings.congestion,
    tcpKeepAliveSeconds: settings.tcpKeepAliveMs / 1000,
    poolSlots: settings.poolSlots,
    fragments: settings.fragments,
    workers: settings.workers,
    slowStartSeconds: settings.slowStartMs / 1000,
    drainSeconds: settings.drainTimeoutMs / 1000,
    hangSeconds: settings.hangTimeoutMs / 1000,
    policy: settings.policy,
    affinity: settings.affinity,
    affinitySeconds: settings.affinityTimeMs / 1000,
    affinityPrefix: settings.affinityPrefix,
    affinityPrefix6: settings.affinityPrefix6,
    spillFlows: settings.spillFlows,
    flowEntries: settings.flowEntries,
    tableFull: settings.tableFull,
    seed: settings.seed ?? "(random)",
    database: withoutPassword(settings.database),
    sqliteDriver: settings.sqliteDriver,
    coherence: settings.coherence,
    durability: settings.durability,
    cacheMib: sessions.cacheBytes / 1024 / 1024,
    maxStateKib: sessions.maxStateBytes / 1024,
    sessionIdleSeconds: sessions.idleExpiryMs / 1000,
    sessionAbsoluteSeconds: Number.isFinite(sessions.absoluteExpiryMs) ? sessions.absoluteExpiryMs / 1000 : 0,
    secret: settings.secrets === undefined ? ownSecret(settings.database) : IS_SET,
    cookieName: cookie.name,
    cookiePath: cookie.path,
    cookieDomain: cookie.domain ?? "none",
    cookieSecure: cookie.secure,
    cookieHttpOnly: cookie.httpOnly,
    cookieSameSite: cookie.sameSite,
    cookieMaxAgeSeconds: (cookie.maxAgeMs ?? 0) / 1000,
    cookieRolling: cookie.rolling,
    admin: formatEndpoint(settings.admin),
    adminToken: settings.adminToken === undefined ? "none" : IS_SET,
    logLevel: settings.logLevel,
    accessLog: settings.accessLog ?? "none",
  };
}

function addressText(settings: FarmSettings, addressLength: 4 | 16): string {
  const own = settings.addresses.find(({ address }) => address.length === addressLength);
  return own === undefined ? "none" : formatInterfaceAddress(own);
}

function ownSecret(database: string): string {
  return database === ":memory:" ? "(random)" : "(kept beside the database)";
}
