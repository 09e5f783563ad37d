// Kinds of options: which values one takes, said once in words and once in code, and what a text means where everything
// is text: a flag and an environment variable. A kind knows no option's name; nothing here throws.

import { resolve } from "node:path";
import { parseFaultPlan } from "../link/fault-plan.js";
import { MAX_SECRETS } from "../memory/signing-secrets.js";
import { appUrlOf } from "./app-url.js";
import { isPostgresUrl, isWholePostgresUrl, withoutPassword } from "./database-url.js";
import { parseEndpoint, parseUnixSocket } from "./endpoint.js";
import { isHostAddress, parseInterfaceAddress } from "./farm-addresses.js";

export interface OptionKind<Value> {
  /** What it takes, as the rest of a sentence: "a whole number from 1 to 64". */
  readonly takes: string;
  /** The same in the few words that the help has room for: "1 to 64". */
  readonly brief: string;
  /** What stands for a value in the help: "<n>"; undefined for a switch. */
  readonly placeholder: string | undefined;
  readonly accepts: (value: unknown) => value is Value;
  /** What a flag's or variable's text means; text that means nothing stays as it is, for `accepts` to refuse. */
  readonly read: (text: string) => unknown;
  /** The value, as written in a file of the folder: a relative path begins there. Only of kinds that are paths. */
  readonly inFolder?: (value: Value, folder: string) => Value;
  /** A text as it may be shown in a message. Only of kinds that a part of may be secret. */
  readonly shows?: (text: string) => string;
}

/** Digits only: no sign, point, exponent, space or leading zero, which Number() would all take in some form. */
function readNumber(text: string): unknown {
  return /^(0|[1-9]\d*)$/.test(text) ? Number(text) : text;
}

function asItIs(text: string): unknown {
  return text;
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}

/** A text of at least one character. No file's name has a zero in it. */
function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && !value.includes("\0");
}

export function wholeNumber(least: number, most: number): OptionKind<number> {
  return {
    takes: `a whole number from ${least} to ${most}`,
    brief: `${least} to ${most}`,
    placeholder: "<n>",
    accepts: (value) => isWhole(value, least, most),
    read: readNumber,
  };
}

export function autoOrWholeNumber(least: number, most: number): OptionKind<number | "auto"> {
  return {
    takes: `auto or a whole number from ${least} to ${most}`,
    brief: `auto or ${least} to ${most}`,
    placeholder: "<n>",
    accepts: (value): value is number | "auto" => value === "auto" || isWhole(value, least, most),
    read: readNumber,
  };
}

/** `most` is at most 2^30: the bit operators are of 32 bits. */
export function powerOfTwo(least: number, most: number): OptionKind<number> {
  return {
    takes: `a power of two from ${least} to ${most}`,
    brief: `a power of two, ${least} to ${most}`,
    placeholder: "<n>",
    accepts: (value): value is number => isWhole(value, least, most) && (value & (value - 1)) === 0,
    read: readNumber,
  };
}

export function oneOf<const Text extends string>(texts: readonly Text[]): OptionKind<Text> {
  return {
    takes: `one of ${texts.join(", ")}`,
    brief: texts.join(", "),
    placeholder: "<name>",
    accepts: (value): value is Text => texts.includes(value as Text),
    read: asItIs,
  };
}

export const trueOrFalse: OptionKind<boolean> = {
  takes: "true or false",
  brief: "true or false",
  placeholder: undefined,
  accepts: (value) => typeof value === "boolean",
  read: (text) => (text === "true" ? true : text === "false" ? false : text),
};

/** Secrets of at least so many characters each, whatever they are: a line of a text each, or an element of an array. */
export function secretTexts(leastLength: number): OptionKind<string | readonly string[]> {
  return {
    takes: `a text of at least ${leastLength} characters, or up to ${MAX_SECRETS} of them, in lines or an array`,
    brief: `at least ${leastLength} characters; one a line, the first signs, all verify`,
    placeholder: "<text>",
    accepts: (value): value is string | readonly string[] => {
      if (typeof value !== "string" && !Array.isArray(value)) return false;
      const secrets: readonly unknown[] = secretsIn(value);
      const areLong = secrets.every((secret) => typeof secret === "string" && secret.length >= leastLength);
      return areLong && secrets.length >= 1 && secrets.length <= MAX_SECRETS;
    },
    read: asItIs,
  };
}

/** The secrets that a value of `secretTexts` stands for. No space or comma parts them: either may be in one. */
export function secretsIn(value: string | readonly string[]): readonly string[] {
  return typeof value === "string" ? value.split(/\r?\n/).filter((line) => line !== "") : value;
}

/** A cookie's name is a token (RFC 6265 section 4.1.1, RFC 9110 section 5.6.2). */
export const cookieName: OptionKind<string> = {
  takes: "a token of 1 to 64 letters, digits and !#$%&'*+-.^_`|~",
  brief: "a token of 1 to 64 characters",
  placeholder: "<name>",
  accepts: (value): value is string =>
    typeof value === "string" && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/.test(value),
  read: asItIs,
};

/** Visible characters but ";" (RFC 6265 section 4.1.1), as many as browsers take (draft-ietf-httpbis-rfc6265bis section 5.6). */
export const cookiePath: OptionKind<string> = {
  takes: "a path as URLs have it, / first, without spaces or semicolons, of at most 1024 characters",
  brief: "/ and what follows",
  placeholder: "<path>",
  accepts: (value): value is string =>
    typeof value === "string" && /^\/[\x21-\x3a\x3c-\x7e]{0,1023}$/.test(value),
  read: asItIs,
};

/**
 * A name of two labels or more (RFC 1034 section 3.5), because browsers take a cookie for a whole top-level domain for none. Not an
 * IP address, which has no domain below it: a last label of digits alone makes one.
 */
export const cookieDomainOrNone: OptionKind<string> = {
  takes: "a domain like example.com, or none for the host alone",
  brief: "or none for the host alone",
  placeholder: "<domain>",
  accepts: (value): value is string => {
    if (typeof value !== "string" || value.length > 253) return false;
    if (value === "none") return true;
    const labels = value.split(".");
    const areLabels = labels.every((label) => /^[a-z\d]([a-z\d-]{0,61}[a-z\d])?$/i.test(label));
    return areLabels && labels.length >= 2 && !/^\d+$/.test(labels.at(-1)!);
  },
  read: asItIs,
};

/** A secret that fits into a field of an HTTP header as it is (RFC 9110 section 5.5), and within the limits on one. */
export function headerToken(leastLength: number, mostLength: number): OptionKind<string> {
  return {
    takes: `${leastLength} to ${mostLength} visible ASCII characters`,
    brief: `${leastLength} to ${mostLength} visible ASCII characters`,
    placeholder: "<text>",
    accepts: (value): value is string =>
      typeof value === "string" &&
      value.length >= leastLength &&
      value.length <= mostLength &&
      /^[!-~]*$/.test(value),
    read: asItIs,
  };
}

/** A file by its name, or the one text that stands for something else. */
export function fileName(orElse: string, meaning: string): OptionKind<string> {
  return {
    takes: `a file name, or ${orElse} for ${meaning}`,
    brief: `or ${orElse} for ${meaning}`,
    placeholder: "<file>",
    accepts: isName,
    read: asItIs,
    inFolder: (value, folder) => (value === orElse ? value : resolve(folder, value)),
  };
}

/** A file by its name, the text for a database in memory, or the URL of a PostgreSQL database. */
export const databaseLocation: OptionKind<string> = {
  takes:
    "a file name, :memory: for one that ends with the process, or postgres://user:password@host/database " +
    "with one host, or ?host= and the folder of its socket",
  brief: "a file, :memory:, or postgres://user@host/database",
  placeholder: "<where>",
  accepts: (value): value is string => isName(value) && (!isPostgresUrl(value) || isWholePostgresUrl(value)),
  read: asItIs,
  inFolder: (value, folder) =>
    value === ":memory:" || isPostgresUrl(value) ? value : resolve(folder, value),
  shows: withoutPassword,
};

export const moduleFile: OptionKind<string | URL> = {
  takes: "the path of a module, or a file URL",
  brief: "a path or a file URL",
  placeholder: "<file>",
  accepts: (value): value is string | URL =>
    (value instanceof URL || isName(value)) && appUrlOf(value) !== undefined,
  read: asItIs,
  inFolder: (value, folder) =>
    value instanceof URL || value.startsWith("file:") ? value : resolve(folder, value),
};

/** IFNAMSIZ of linux/if.h: 16 bytes, the last of them zero. */
export const interfaceName: OptionKind<string> = {
  takes: "an interface name: at most 15 letters, digits, dots, dashes or underscores",
  brief: "at most 15 characters",
  placeholder: "<name>",
  accepts: (value): value is string => typeof value === "string" && /^[\w.-]{1,15}$/.test(value),
  read: asItIs,
};

/** An address that a host can have, of 4 or 16 bytes, and a prefix that has room for the kernel's end; or none. */
export function hostPrefixOrNone(
  addressLength: 4 | 16,
  longest: number,
  example: string,
): OptionKind<string> {
  const family = addressLength === 4 ? "IPv4" : "IPv6";
  return {
    takes: `a host's ${family} address with a prefix length of at most ${longest}, like ${example}, or none`,
    brief: "or none",
    placeholder: "<prefix>",
    accepts: (value): value is string => {
      if (value === "none") return true;
      const own = typeof value === "string" ? parseInterfaceAddress(value) : undefined;
      if (own === undefined || own.address.length !== addressLength) return false;
      return own.prefixLength >= 1 && own.prefixLength <= longest && isHostAddress(own);
    },
    read: asItIs,
  };
}

export const faultsOrNone: OptionKind<string> = {
  takes:
    "drop, duplicate, corrupt and reorder in %, delay and jitter (at most the delay) in ms, and a seed, " +
    "like drop=1%,delay=20ms,seed=7, each once at most, or none",
  brief: "like drop=1%,reorder=2%,delay=20ms,seed=7, or none",
  placeholder: "<faults>",
  accepts: (value): value is string =>
    typeof value === "string" && (value === "none" || parseFaultPlan(value) !== undefined),
  read: asItIs,
};

const hosts = "host:port with an IPv4 address, an [IPv6] address or localhost";

export const endpointOrNone: OptionKind<string> = {
  takes: `${hosts}, or none`,
  brief: "or none",
  placeholder: "<host:port>",
  accepts: (value): value is string =>
    typeof value === "string" && (value === "none" || parseEndpoint(value) !== undefined),
  read: asItIs,
};

export const endpointOrUnixSocketOrNone: OptionKind<string> = {
  takes: `${hosts}, unix: and an absolute path of at most 107 bytes, or none`,
  brief: "host:port, unix:/path or none",
  placeholder: "<where>",
  accepts: (value): value is string =>
    endpointOrNone.accepts(value) || (typeof value === "string" && parseUnixSocket(value) !== undefined),
  read: asItIs,
};
