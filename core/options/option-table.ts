// The one table of options. From it follow what `createFarm` takes, the flags and their help, the environment variables,
// the keys of an options file, the defaults, and every message about a wrong value. To add an option: its type in
// farm-options.ts, its line here, what becomes of it in options.ts, what is told of it in describe-settings.ts.

import { POLICIES, type PolicyName } from "../director/policies.js";
import { MAX_WORKERS } from "../memory/load-board.js";
import { type FarmOptions, LOG_LEVELS, type OptionName } from "./farm-options.js";
import {
  autoOrWholeNumber,
  cookieDomainOrNone,
  cookieName,
  cookiePath,
  databaseLocation,
  endpointOrNone,
  endpointOrUnixSocketOrNone,
  faultsOrNone,
  fileName,
  headerToken,
  hostPrefixOrNone,
  interfaceName,
  moduleFile,
  type OptionKind,
  oneOf,
  powerOfTwo,
  secretTexts,
  trueOrFalse,
  wholeNumber,
} from "./option-kinds.js";

/** Headings of the help, in the order of the table. */
export type OptionGroup = "App" | "Links" | "Workers" | "Balancing" | "Sessions" | "Operation";

export interface FarmOption<Value> {
  readonly group: OptionGroup;
  /** What it is, with its unit: a phrase for the help. */
  readonly about: string;
  readonly kind: OptionKind<Value>;
  readonly default: Value | undefined;
  /** The default in words, where the value does not say it. */
  readonly defaultAbout?: string;
  /** Its value is in no message, and it is no flag: everybody on a machine can see its command lines. */
  readonly isSecret?: true;
}

/** 400 days: browsers keep no cookie longer (draft-ietf-httpbis-rfc6265bis section 5.5). */
const MAX_COOKIE_AGE_SECONDS = 34_560_000;

/** `Object.keys` knows no better type than string[]. */
const policyNames = Object.keys(POLICIES) as PolicyName[];

export const OPTIONS = {
  app: {
    group: "App",
    about: "module of the app",
    kind: moduleFile,
    default: undefined,
    defaultAbout: "the shop that limpet brings along",
  },
  port: {
    group: "App",
    about: "TCP port of HTTP and UDP port of the datagram service on the TUN device",
    kind: wholeNumber(1, 65_535),
    default: 80,
  },

  socket: {
    group: "Links",
    about: "where the socket link listens",
    kind: endpointOrNone,
    default: "127.0.0.1:8080",
  },
  tun: {
    group: "Links",
    about: "TUN device; auto: where the process may open one",
    kind: oneOf(["auto", "on", "off"]),
    default: "auto",
  },
  device: { group: "Links", about: "name of the TUN device", kind: interfaceName, default: "limpet0" },
  address: {
    group: "Links",
    about: "IPv4 address on the TUN device and the prefix that is routed to it",
    kind: hostPrefixOrNone(4, 30, "198.18.0.1/24"),
    default: "198.18.0.1/24",
  },
  address6: {
    group: "Links",
    about: "IPv6 address and prefix, used where the system has IPv6",
    kind: hostPrefixOrNone(16, 126, "fd98:18::1/64"),
    default: "fd98:18::1/64",
  },
  mtuBytes: {
    group: "Links",
    about: "largest packet in bytes",
    kind: wholeNumber(1280, 1500),
    default: 1500,
  },
  fault: {
    group: "Links",
    about: "what is done to packets of the TUN device on purpose, in each direction",
    kind: faultsOrNone,
    default: "none",
  },
  congestion: {
    group: "Links",
    about: "congestion control of the workers' TCP on the TUN device",
    kind: oneOf(["cubic", "new-reno"]),
    default: "cubic",
  },
  tcpKeepAliveSeconds: {
    group: "Links",
    about: "silence after which the workers' TCP asks whether a client is still there, 0 for never",
    kind: wholeNumber(0, 1_000_000),
    default: 7200,
    defaultAbout: "7200, two hours",
  },
  poolSlots: {
    group: "Links",
    about: "slots of the packet pool, 2 KiB each",
    kind: wholeNumber(256, 1_048_576),
    default: 8192,
  },
  fragments: {
    group: "Links",
    about: "packets that come in fragments are reassembled, up to 64 KiB each, or dropped",
    kind: oneOf(["drop", "reassemble"]),
    default: "reassemble",
  },

  workers: {
    group: "Workers",
    about: "worker threads",
    kind: autoOrWholeNumber(1, MAX_WORKERS),
    default: "auto",
    defaultAbout: "auto, the cores less one, at least 2",
  },
  slowStartSeconds: {
    group: "Workers",
    about: "how long a new worker takes less than its share of new sources",
    kind: wholeNumber(0, 3600),
    default: 10,
  },
  drainSeconds: {
    group: "Workers",
    about: "how long a worker on its way out may take to finish what it has",
    kind: wholeNumber(0, 3600),
    default: 30,
  },
  hangSeconds: {
    group: "Workers",
    about: "how long a worker may not answer until it is replaced",
    kind: wholeNumber(1, 3600),
    default: 1,
  },

  policy: {
    group: "Balancing",
    about: "how a worker is chosen for a new source",
    kind: oneOf(policyNames),
    default: "least-loaded",
  },
  affinity: {
    group: "Balancing",
    about: "what stays with its worker; connection: each is placed anew",
    kind: oneOf(["source", "connection"]),
    default: "source",
  },
  affinitySeconds: {
    group: "Balancing",
    about: "how long a source stays with its worker after its last flow",
    kind: wholeNumber(1, 604_800),
    default: 300,
  },
  affinityPrefix: {
    group: "Balancing",
    about: "bits of an IPv4 address that make a source",
    kind: wholeNumber(0, 32),
    default: 32,
  },
  affinityPrefix6: {
    group: "Balancing",
    about: "bits of an IPv6 address that make a source",
    kind: wholeNumber(0, 128),
    default: 64,
  },
  spillFlows: {
    group: "Balancing",
    about: "flows of one source from which on new ones may go to other workers, 0 for never",
    kind: wholeNumber(0, 1_000_000),
    default: 256,
  },
  flowEntries: {
    group: "Balancing",
    about: "entries of the flow table, flows and sources together",
    kind: powerOfTwo(1024, 2 ** 24),
    default: 262_144,
  },
  tableFull: {
    group: "Balancing",
    about: "when the flow table is full, evict an older flow for a new one or refuse it",
    kind: oneOf(["evict", "refuse"]),
    default: "evict",
  },
  seed: {
    group: "Balancing",
    about: "seed of the flow hash, for runs that repeat exactly",
    kind: wholeNumber(0, Number.MAX_SAFE_INTEGER),
    default: undefined,
    defaultAbout: "random",
  },

  database: {
    group: "Sessions",
    about:
      "SQLite file of the sessions, made if it is missing, or a PostgreSQL database that farms may share",
    kind: databaseLocation,
    default: "limpet.db",
  },
  sqliteDriver: {
    group: "Sessions",
    about: "package that opens a SQLite file; better-sqlite3 is to be installed beside limpet",
    kind: oneOf(["sqlite3", "better-sqlite3"]),
    default: "sqlite3",
  },
  coherence: {
    group: "Sessions",
    about:
      "farms that share a PostgreSQL database are told of each other's changes, or it is asked at each request",
    kind: oneOf(["told", "asked"]),
    default: "told",
  },
  durability: {
    group: "Sessions",
    about: "what is acknowledged survives the loss of power (full) or that of the process (normal)",
    kind: oneOf(["full", "normal"]),
    default: "full",
  },
  cacheMib: {
    group: "Sessions",
    about: "session cache of each worker in MiB",
    kind: wholeNumber(1, 65_536),
    default: 64,
  },
  maxStateKib: {
    group: "Sessions",
    about: "largest state of a session in KiB; a larger one is refused with 413",
    kind: wholeNumber(1, 16_384),
    default: 64,
  },
  sessionIdleSeconds: {
    group: "Sessions",
    about: "how long a session that is not used is kept",
    kind: wholeNumber(1, MAX_COOKIE_AGE_SECONDS),
    default: 86_400,
    defaultAbout: "86400, a day",
  },
  sessionAbsoluteSeconds: {
    group: "Sessions",
    about: "how long a session lasts at most, however much it is used; 0: for ever",
    kind: wholeNumber(0, MAX_COOKIE_AGE_SECONDS),
    default: 2_592_000,
    defaultAbout: "2592000, 30 days",
  },
  secret: {
    group: "Sessions",
    about: "secret that signs session IDs",
    kind: secretTexts(32),
    default: undefined,
    defaultAbout: "made once and kept beside the database",
    isSecret: true,
  },
  cookieName: {
    group: "Sessions",
    about: "name of the session cookie",
    kind: cookieName,
    default: "limpet.sid",
  },
  cookiePath: {
    group: "Sessions",
    about: "path that has sessions, with all below it",
    kind: cookiePath,
    default: "/",
  },
  cookieDomain: {
    group: "Sessions",
    about: "domain that shares the session cookie, with all below it",
    kind: cookieDomainOrNone,
    default: "none",
  },
  cookieSecure: {
    group: "Sessions",
    about: "send the session cookie over TLS only",
    kind: trueOrFalse,
    default: false,
  },
  cookieHttpOnly: {
    group: "Sessions",
    about: "keep the session cookie from scripts",
    kind: trueOrFalse,
    default: true,
  },
  cookieSameSite: {
    group: "Sessions",
    about: "requests from other sites that carry the session cookie",
    kind: oneOf(["lax", "strict", "none"]),
    default: "lax",
  },
  cookieMaxAgeSeconds: {
    group: "Sessions",
    about: "how long browsers keep the session cookie after a change, 0 for until they are closed",
    kind: wholeNumber(0, MAX_COOKIE_AGE_SECONDS),
    default: 0,
  },
  cookieRolling: {
    group: "Sessions",
    about: "set the session cookie with every response, so that its age begins anew",
    kind: trueOrFalse,
    default: false,
  },

  admin: {
    group: "Operation",
    about: "where the admin interface listens",
    kind: endpointOrUnixSocketOrNone,
    default: "127.0.0.1:9090",
  },
  adminToken: {
    group: "Operation",
    about: "what users of the admin interface must show",
    kind: headerToken(16, 1024),
    default: undefined,
    defaultAbout: "nothing",
    isSecret: true,
  },
  logLevel: { group: "Operation", about: "what is logged", kind: oneOf(LOG_LEVELS), default: "info" },
  accessLog: {
    group: "Operation",
    about: "file that gets a line for each request",
    kind: fileName("-", "standard output"),
    default: undefined,
    defaultAbout: "none",
  },
} as const satisfies { readonly [Name in OptionName]-?: FarmOption<NonNullable<FarmOptions[Name]>> };

/** All options, in the order of the table. */
export const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[];

/** The option's line, for code that treats all alike. */
export function optionOf(name: OptionName): FarmOption<unknown> {
  // A kind of some values cannot be told, by types alone, from one of others; its functions are given what it accepts.
  return OPTIONS[name] as FarmOption<unknown>;
}

export function isOptionName(name: string): name is OptionName {
  return Object.hasOwn(OPTIONS, name);
}

/** How an options file spells an option: `cacheMib` is `cache-mib`. */
export function keyOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** How the command line spells it: `cacheMib` is `--cache-mib`. */
export function flagOf(name: string): string {
  return `--${keyOf(name)}`;
}

/** How the environment spells it: `cacheMib` is `LIMPET_CACHE_MIB`. */
export function variableOf(name: string): string {
  return `LIMPET_${keyOf(name).replaceAll("-", "_").toUpperCase()}`;
}
