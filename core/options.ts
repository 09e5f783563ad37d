// Every option of a farm: its name, unit, default, limits, and what it takes in words. Checked once, here; all other
// code trusts the settings. The command line and `createFarm` share this table and nothing else.

import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inspect } from "node:util";
import * as v from "valibot";
import { POLICIES, type PolicyName } from "./director/policies.js";
import type { InterfaceAddress } from "./link/tun-device.js";
import { MAX_WORKERS } from "./memory/load-board.js";
import { formatAddress, parsePrefix } from "./wire/address.js";
import { isGroup } from "./wire/martian.js";

/** The options of `createFarm` and `limpet serve`. What is left out has its default. */
export interface FarmOptions {
  /** The app's module: a path from the working directory, or a file URL. Default: the shop that limpet brings along. */
  readonly app?: string | URL;
  /** Worker threads, 1 … 64, or "auto": one less than the machine has cores, at least 2. Default "auto". */
  readonly workers?: number | "auto";
  /** Name of the TUN device. Default "limpet0". */
  readonly device?: string;
  /** The farm's IPv4 address and the prefix that is routed to it, or "none". Default "198.18.0.1/24". */
  readonly address?: string;
  /** The farm's IPv6 address and prefix, or "none". Default "fd98:18::1/64" where the system has IPv6. */
  readonly address6?: string;
  /** TCP port of HTTP and UDP port of the datagram service, 1 … 65535. Default 80. */
  readonly port?: number;
  /** Largest packet in bytes, 1280 … 1500. Default 1500. */
  readonly mtuBytes?: number;
  /** The SQLite file, made if it is missing, or ":memory:". Default "limpet.db". */
  readonly database?: string;
  /** "full": what is acknowledged survives the loss of power; "normal": that of the process. Default "full". */
  readonly durability?: "full" | "normal";
  /** Each worker's session cache in MiB, 1 … 65536. Default 64. */
  readonly cacheMib?: number;
  /** How long a source stays with its worker after its last flow has ended, in seconds, 1 … 604800. Default 300. */
  readonly affinitySeconds?: number;
  /** Bits of an IPv4 source address that make a source, 0 … 32. Default 32. */
  readonly affinityPrefix?: number;
  /** The same for IPv6, 0 … 128. Default 64: what one customer has. */
  readonly affinityPrefix6?: number;
  /** How a worker is chosen for a new source. Default "least-loaded". */
  readonly policy?: PolicyName;
  /** Entries of the flow table, flows and sources together, a power of two, 1024 … 2^24. Default 262144. */
  readonly flowEntries?: number;
  /** Slots of the packet pool, 256 … 1048576. Default 8192. */
  readonly poolSlots?: number;
  /** Seed of the flow hash, for runs that repeat exactly; random if it is left out. A whole number below 2^53. */
  readonly seed?: number;
  /** Secret that signs session IDs, at least 32 characters. Default: made once and kept beside the database. */
  readonly secret?: string;
  /** True: the session cookie is only sent over TLS, which something in front of limpet ends. Default false. */
  readonly cookieSecure?: boolean;
  /** What is logged. Default "info". */
  readonly logLevel?: LogLevel;
}

export const LOG_LEVELS = ["silent", "fatal", "error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The options, checked and complete. */
export interface FarmSettings {
  readonly appUrl: string;
  readonly workers: number;
  readonly device: string;
  /** The farm's own addresses. */
  readonly addresses: readonly InterfaceAddress[];
  readonly port: number;
  readonly mtuBytes: number;
  readonly database: string;
  readonly durability: "full" | "normal";
  readonly cacheBytes: number;
  readonly affinityTimeMs: number;
  readonly affinityPrefix: number;
  readonly affinityPrefix6: number;
  readonly policy: PolicyName;
  readonly flowEntries: number;
  readonly poolSlots: number;
  readonly seed: number | undefined;
  readonly secret: string | undefined;
  readonly cookieSecure: boolean;
  readonly logLevel: LogLevel;
}

/** An option that cannot be taken; the message is one sentence that names it and says what it takes. */
export class OptionError extends Error {
  override readonly name = "OptionError";
  readonly code = "invalid_option";
}

function whole(from: number, to: number) {
  const message = `takes a whole number from ${from} to ${to}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(from, message), v.maxValue(to, message));
}

function oneOf<const Values extends readonly string[]>(values: Values) {
  return v.picklist(values, `takes one of ${values.join(", ")}`);
}

function prefix(addressBytes: 4 | 16, longest: number, example: string) {
  const family = addressBytes === 4 ? "IPv4" : "IPv6";
  const message = `takes a host's ${family} address with a prefix length of at most ${longest}, like ${example}, or none`;
  return v.pipe(
    v.string(message),
    v.check((text) => {
      if (text === "none") return true;
      const parsed = parsePrefix(text);
      return (
        parsed?.address.length === addressBytes &&
        parsed.prefixBits >= 1 &&
        parsed.prefixBits <= longest &&
        isHostAddress(parsed.address, parsed.prefixBits)
      );
    }, message),
  );
}

/**
 * Whether a host can have the address. Packets to others never reach the farm: the parser drops them (wire/martian.ts),
 * or the kernel keeps those to a prefix's first address (RFC 4291 section 2.6.1) and an IPv4 prefix's last one, broadcast.
 */
function isHostAddress(address: Uint8Array, prefixBits: number): boolean {
  if (isGroup(address, 0, address.length)) return false;
  const isIpv4 = address.length === 4;
  // 0.0.0.0/8 and 127.0.0.0/8; ::, ::1, and IPv4-mapped and IPv4-compatible addresses, which begin with 80 zero bits.
  const isReserved = isIpv4
    ? address[0] === 0 || address[0] === 127
    : address.subarray(0, 10).every((byte) => byte === 0);
  if (isReserved) return false;
  let ones = 0;
  for (let bit = prefixBits; bit < address.length * 8; bit++) {
    if ((address[bit >>> 3]! & (0x80 >>> (bit & 7))) !== 0) ones++;
  }
  return ones > 0 && !(isIpv4 && ones === 32 - prefixBits);
}

const appMessage = "takes the path of a module, or a file URL";
const policyNames = Object.keys(POLICIES) as [PolicyName, ...PolicyName[]];
const deviceMessage = "takes an interface name: at most 15 letters, digits, dots, dashes or underscores";

const schema = v.strictObject({
  app: v.optional(v.union([v.pipe(v.string(), v.minLength(1, appMessage)), v.instance(URL)], appMessage)),
  workers: v.optional(
    v.custom<number | "auto">(
      (value) =>
        value === "auto" || (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_WORKERS),
      `takes auto or a whole number from 1 to ${MAX_WORKERS}`,
    ),
    "auto",
  ),
  device: v.optional(v.pipe(v.string(deviceMessage), v.regex(/^[\w.-]{1,15}$/, deviceMessage)), "limpet0"),
  address: v.optional(prefix(4, 30, "198.18.0.1/24"), "198.18.0.1/24"),
  address6: v.optional(prefix(16, 126, "fd98:18::1/64"), "fd98:18::1/64"),
  port: v.optional(whole(1, 65_535), 80),
  mtuBytes: v.optional(whole(1280, 1500), 1500),
  database: v.optional(
    v.pipe(v.string("takes a file name"), v.minLength(1, "takes a file name")),
    "limpet.db",
  ),
  durability: v.optional(oneOf(["full", "normal"]), "full"),
  cacheMib: v.optional(whole(1, 65_536), 64),
  affinitySeconds: v.optional(whole(1, 604_800), 300),
  affinityPrefix: v.optional(whole(0, 32), 32),
  affinityPrefix6: v.optional(whole(0, 128), 64),
  policy: v.optional(oneOf(policyNames), "least-loaded"),
  flowEntries: v.optional(
    v.pipe(
      whole(1024, 2 ** 24),
      v.check((n) => (n & (n - 1)) === 0, "takes a power of two from 1024 to 16777216"),
    ),
    262_144,
  ),
  poolSlots: v.optional(whole(256, 1_048_576), 8192),
  seed: v.optional(whole(0, Number.MAX_SAFE_INTEGER)),
  secret: v.optional(v.pipe(v.string("takes a text"), v.minLength(32, "takes at least 32 characters"))),
  cookieSecure: v.optional(v.boolean("takes true or false"), false),
  logLevel: v.optional(oneOf(LOG_LEVELS), "info"),
} satisfies Record<keyof FarmOptions, unknown>);

/** How the command line spells an option: `cacheMib` is `--cache-mib`. */
export function flagOf(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Checks the options and completes them. Throws `OptionError`. */
export function resolveOptions(options: FarmOptions): FarmSettings {
  const parsed = v.safeParse(schema, options);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    if (issue.path === undefined) throw new OptionError("the options must be an object");
    const name = String(issue.path[0].key);
    if (!Object.hasOwn(schema.entries, name)) throw new OptionError(`there is no option ${name}`);
    // A secret that is too short is somebody's secret all the same, and messages end up in logs.
    const not = name === "secret" ? "" : `, not ${shown(issue.input)}`;
    throw new OptionError(`${name} (${flagOf(name)}) ${issue.message}${not}`);
  }
  const checked = parsed.output;
  const addresses = [checked.address, checked.address6].flatMap((text) => {
    const own = text === "none" ? undefined : parsePrefix(text);
    return own === undefined ? [] : [{ address: own.address, prefixLength: own.prefixBits }];
  });
  if (addresses.length === 0) {
    throw new OptionError("address (--address) and address6 (--address6) cannot both be none");
  }
  return {
    appUrl: appUrlOf(checked.app),
    workers: checked.workers === "auto" ? Math.max(2, availableParallelism() - 1) : checked.workers,
    device: checked.device,
    addresses,
    port: checked.port,
    mtuBytes: checked.mtuBytes,
    database: checked.database === ":memory:" ? checked.database : resolve(checked.database),
    durability: checked.durability,
    cacheBytes: checked.cacheMib * 1024 * 1024,
    affinityTimeMs: checked.affinitySeconds * 1000,
    affinityPrefix: checked.affinityPrefix,
    affinityPrefix6: checked.affinityPrefix6,
    policy: checked.policy,
    flowEntries: checked.flowEntries,
    poolSlots: checked.poolSlots,
    seed: checked.seed,
    secret: checked.secret,
    cookieSecure: checked.cookieSecure,
    logLevel: checked.logLevel,
  };
}

function shown(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : inspect(value, { depth: 0 });
  const line = text.replaceAll(/\s+/g, " ");
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}

function appUrlOf(app: string | URL | undefined): string {
  if (app === undefined) return new URL("../workers/shop/shop.js", import.meta.url).href;
  if (typeof app === "string" && !app.startsWith("file:")) return pathToFileURL(resolve(app)).href;
  try {
    return pathToFileURL(fileURLToPath(app)).href;
  } catch {
    // Of another scheme, on another host, or with a slash or a zero hidden in its path.
    throw new OptionError(`app (--app) ${appMessage}, not ${shown(String(app))}`);
  }
}

/** The address that the kernel's side of the device gets: the last of the prefix, or the one before it. */
export function hostAddressOf(own: InterfaceAddress): InterfaceAddress {
  const address = Uint8Array.from(own.address);
  for (let bit = own.prefixLength; bit < address.length * 8; bit++) address[bit >>> 3]! |= 0x80 >>> (bit & 7);
  // The last IPv4 address of a prefix is its broadcast address.
  const last = address.length - 1;
  address[last]! -= 1;
  if (address.every((byte, i) => byte === own.address[i])) address[last]! -= 1;
  return { address, prefixLength: own.prefixLength };
}

/** The URL of the farm at one of its addresses. */
export function urlOf(own: InterfaceAddress, port: number): string {
  const text = formatAddress(own.address, 0, own.address.length);
  const host = own.address.length === 16 ? `[${text}]` : text;
  return `http://${host}${port === 80 ? "" : `:${port}`}/`;
}
