// What a farm can be told (`FarmOptions`), and what becomes of it once it is checked and complete (`FarmSettings`).
// What an option takes, and what it is when it is left out, is decided in option-table.ts; the comments here repeat it
// for those who read them in an editor, and a test holds them to the table.

import type { PolicyName } from "../director/policies.js";
import type { FaultPlan } from "../link/fault-plan.js";
import type { InterfaceAddress } from "../link/interface-address.js";

export const LOG_LEVELS = ["silent", "fatal", "error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * The options of `createFarm`, and of the command line under the same names: `cacheMib` is `--cache-mib`, the environment
 * variable `LIMPET_CACHE_MIB`, and `cache-mib` in an options file. What is left out has its default.
 */
export interface FarmOptions {
  /** The app's module: a path from the working directory, or a file URL. Default: the shop that limpet brings along. */
  readonly app?: string | URL;
  /** TCP port of HTTP and UDP port of the datagram service on the TUN device, 1 … 65535. Default 80. */
  readonly port?: number;

  /**
   * Where the socket link listens: "host:port" with an IPv4 address, an [IPv6] address or localhost, or "none". Port 0: any
   * that is free. Default "127.0.0.1:8080".
   */
  readonly socket?: string;
  /** Whether there is a TUN device: "on", "off", or "auto": where the process may open one. Default "auto". */
  readonly tun?: "auto" | "on" | "off";
  /** Name of the TUN device. Default "limpet0". */
  readonly device?: string;
  /** The farm's IPv4 address on the TUN device and the prefix that is routed to it, or "none". Default "198.18.0.1/24". */
  readonly address?: string;
  /** The farm's IPv6 address and prefix, or "none". Default "fd98:18::1/64" where the system has IPv6. */
  readonly address6?: string;
  /** Largest packet in bytes, 1280 … 1500. Default 1500. */
  readonly mtuBytes?: number;
  /**
   * What is done to packets of the TUN device on purpose, in each direction, for tests: any of "drop=1%,duplicate=0.5%,corrupt=0.1%,
   * reorder=2%,delay=20ms,jitter=5ms,seed=7" with commas between them, or "none". The seed, default 1, repeats a run's chances.
   * Connections of the socket link have no packets, and are let be. Default "none".
   */
  readonly fault?: string;
  /** Congestion control of the workers' TCP, RFC 9438 or RFC 5681. Default "cubic". */
  readonly congestion?: "cubic" | "new-reno";
  /**
   * Silence, in seconds, after which the workers' TCP asks whether a client is still there (RFC 9293 section 3.8.4), 0 … 1000000;
   * 0: never. Clients of whom HTTP expects something have shorter times. Default 7200.
   */
  readonly tcpKeepAliveSeconds?: number;
  /** Slots of the packet pool, 256 … 1048576. Default 8192. */
  readonly poolSlots?: number;
  /**
   * What happens to packets that come in fragments: "reassemble" them, up to 64 KiB each, in a bounded table; or "drop" them.
   * Default "reassemble".
   */
  readonly fragments?: "drop" | "reassemble";

  /** Worker threads, 1 … 64, or "auto": one less than the machine has cores, at least 2. Default "auto". */
  readonly workers?: number | "auto";
  /** How long a new worker takes less than its share of new sources, in seconds, 0 … 3600. Default 10. */
  readonly slowStartSeconds?: number;
  /** How long a worker on its way out may take to finish what it has, in seconds, 0 … 3600. Default 30. */
  readonly drainSeconds?: number;
  /** How long a worker's event loop may not answer until the worker is replaced, in seconds, 1 … 3600. Default 1. */
  readonly hangSeconds?: number;

  /** How a worker is chosen for a new source. Default "least-loaded". */
  readonly policy?: PolicyName;
  /** What stays with its worker: the "source", or a "connection" alone: each is placed anew. Default "source". */
  readonly affinity?: "source" | "connection";
  /** How long a source stays with its worker after its last flow has ended, in seconds, 1 … 604800. Default 300. */
  readonly affinitySeconds?: number;
  /** Bits of an IPv4 source address that make a source, 0 … 32. Default 32. */
  readonly affinityPrefix?: number;
  /** The same for IPv6, 0 … 128. Default 64: what one customer has. */
  readonly affinityPrefix6?: number;
  /** Flows of one source from which on new ones may go to other workers, 0 … 1000000; 0: never. Default 256. */
  readonly spillFlows?: number;
  /** Entries of the flow table, flows and sources together, a power of two, 1024 … 2^24. Default 262144. */
  readonly flowEntries?: number;
  /** What happens to a new flow when the table is full: "evict" an older one for it, or "refuse" it. Default "evict". */
  readonly tableFull?: "evict" | "refuse";
  /** Seed of the flow hash, for runs that repeat exactly; random if it is left out. A whole number below 2^53. */
  readonly seed?: number;

  /**
   * The SQLite file, made if it is missing, or ":memory:"; or the URL of a PostgreSQL database, "postgres://user:password@host/database",
   * that several farms may share if they are given the same `secret`. Everyone on the machine can see a password in a flag: the
   * environment (LIMPET_DATABASE, or PGPASSWORD) is better. Default "limpet.db".
   */
  readonly database?: string;
  /** The package that opens a SQLite file: "sqlite3", or "better-sqlite3", to be installed beside limpet. Default "sqlite3". */
  readonly sqliteDriver?: "sqlite3" | "better-sqlite3";
  /**
   * How farms that share a PostgreSQL database know of each other's changes. "told": by the database, a few ms late: a session that
   * goes to and fro between farms may at first be read as it was before. "asked": each request asks the database, and sees
   * every change. No change is lost in either case. Default "told".
   */
  readonly coherence?: "told" | "asked";
  /**
   * "full": what is acknowledged survives the loss of power; "normal": that of the process (in PostgreSQL not that of the server's).
   * Default "full".
   */
  readonly durability?: "full" | "normal";
  /** Each worker's session cache in MiB, 1 … 65536. Default 64. */
  readonly cacheMib?: number;
  /**
   * Largest state of a session in KiB, encoded, 1 … 16384. A larger one is refused, with 413 if the app does not answer itself,
   * and the session stays as it was. Default 64.
   */
  readonly maxStateKib?: number;
  /** How long a session that is not used is kept, in seconds, 1 … 34560000. Default 86400: a day. */
  readonly sessionIdleSeconds?: number;
  /**
   * How long a session lasts at most, from its first commit on, however much it is used, in seconds, 0 … 34560000; 0: for ever.
   * Default 2592000: 30 days.
   */
  readonly sessionAbsoluteSeconds?: number;
  /**
   * Secret that signs session IDs, at least 32 characters; or up to 8 of them, one a line or in an array: the first signs, all
   * verify. To replace it, put the new one first and keep the old one for as long as its sessions are to go on. Default: made
   * once and kept beside the database, in `<database>.secret`: there, put the new one in a line in front, and reload.
   */
  readonly secret?: string | readonly string[];
  /**
   * Name of the session cookie, a token of at most 64 characters. With `__Host-` in front, which needs `cookieSecure`, no other
   * host can set it. Default "limpet.sid".
   */
  readonly cookieName?: string;
  /** Requests for this path and those below it have sessions; others are as if sessionless. Default "/". */
  readonly cookiePath?: string;
  /** Domain whose hosts share the session cookie, or "none": the host that has set it alone. Default "none". */
  readonly cookieDomain?: string;
  /**
   * True: the session cookie is only sent over TLS, which something in front of limpet ends. There is no "auto": limpet
   * itself never sees TLS, and a header that speaks of it can be anybody's. Default false.
   */
  readonly cookieSecure?: boolean;
  /** True: scripts in the page cannot read the session cookie. Default true. */
  readonly cookieHttpOnly?: boolean;
  /**
   * Which requests from other sites carry the session cookie: "lax", links that somebody follows; "strict", none of them;
   * "none", all of them, which needs `cookieSecure`. Default "lax".
   */
  readonly cookieSameSite?: "lax" | "strict" | "none";
  /**
   * How long browsers keep the session cookie after a change of the session, in seconds, 0 … 34560000; 0: until they are
   * closed. Default 0.
   */
  readonly cookieMaxAgeSeconds?: number;
  /** True: the session cookie is set with every response, so that its age begins anew with each request. Default false. */
  readonly cookieRolling?: boolean;

  /**
   * Where the admin interface listens: "host:port" as for `socket`, "unix:/path", or "none". On a host that is not loopback it
   * needs an `adminToken`. Default "127.0.0.1:9090".
   */
  readonly admin?: string;
  /** What those who use the admin interface must show, 16 … 1024 visible ASCII characters. Default: nothing. */
  readonly adminToken?: string;
  /** What is logged. Default "info". */
  readonly logLevel?: LogLevel;
  /** The file that gets a line for each request, or "-": standard output. Default: none. */
  readonly accessLog?: string;
}

export type OptionName = keyof FarmOptions;

/** Where a socket listens: a TCP port of an IP address (without brackets) or of localhost. Port 0: any that is free. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What the workers' sessions go by. */
export interface SessionSettings {
  readonly cacheBytes: number;
  readonly maxStateBytes: number;
  readonly idleExpiryMs: number;
  /** Infinity: a session in use lasts for ever. */
  readonly absoluteExpiryMs: number;
}

/** The session cookie; the names are express-session's. */
export interface CookieSettings {
  readonly name: string;
  readonly path: string;
  /** Undefined: the host alone. */
  readonly domain: string | undefined;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: "lax" | "strict" | "none";
  /** Undefined: until the browser is closed. */
  readonly maxAgeMs: number | undefined;
  readonly rolling: boolean;
}

/** The path of a unix socket, at most 107 bytes. */
export interface UnixSocket {
  readonly path: string;
}

/** The options, checked and complete. */
export interface FarmSettings {
  readonly appUrl: string;
  readonly port: number;
  /** Undefined: no socket link. */
  readonly socket: Endpoint | undefined;
  readonly tun: "auto" | "on" | "off";
  readonly device: string;
  /** The farm's own addresses on the TUN device. */
  readonly addresses: readonly InterfaceAddress[];
  readonly mtuBytes: number;
  /** Undefined: nothing happens to packets on purpose. */
  readonly fault: FaultPlan | undefined;
  readonly congestion: "cubic" | "new-reno";
  /** 0: never. */
  readonly tcpKeepAliveMs: number;
  readonly poolSlots: number;
  readonly fragments: "drop" | "reassemble";
  readonly workers: number;
  readonly slowStartMs: number;
  readonly drainTimeoutMs: number;
  readonly hangTimeoutMs: number;
  readonly policy: PolicyName;
  readonly affinity: "source" | "connection";
  readonly affinityTimeMs: number;
  readonly affinityPrefix: number;
  readonly affinityPrefix6: number;
  /** 0: no spill. */
  readonly spillFlows: number;
  readonly flowEntries: number;
  readonly tableFull: "evict" | "refuse";
  readonly seed: number | undefined;
  /** An absolute path, ":memory:", or the URL of a PostgreSQL database, with what is secret in it. */
  readonly database: string;
  readonly sqliteDriver: "sqlite3" | "better-sqlite3";
  readonly coherence: "told" | "asked";
  readonly durability: "full" | "normal";
  readonly sessions: SessionSettings;
  /** Undefined: none were given. */
  readonly secrets: readonly string[] | undefined;
  readonly cookie: CookieSettings;
  /** Undefined: no admin interface. */
  readonly admin: Endpoint | UnixSocket | undefined;
  readonly adminToken: string | undefined;
  readonly logLevel: LogLevel;
  /** An absolute path, "-" for standard output, or undefined: no access log. */
  readonly accessLog: string | undefined;
}
