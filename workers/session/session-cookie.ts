// The session's cookie as the response sets it (RFC 6265 section 4.1). Names, and what each attribute does when it is not
// given, are express-session's. Knows no sessions. What always holds: scripts in the page cannot read it (HttpOnly).

export interface SessionCookieOptions {
  /** Default "limpet.sid". */
  readonly name?: string;
  /** Sent over TLS only. Default false: limpet itself speaks no TLS, set it when something in front of it does. */
  readonly secure?: boolean;
  /** Default "lax". "none" needs `secure`, or browsers refuse the cookie. */
  readonly sameSite?: "lax" | "strict" | "none";
  /** Default "/". */
  readonly path?: string;
  /** How long the browser keeps it, renewed with each commit. Default: until the browser is closed. */
  readonly maxAgeMs?: number;
}

export const DEFAULT_COOKIE_NAME = "limpet.sid";

/** A cookie's name is a token (RFC 6265 section 4.1.1, RFC 9110 section 5.6.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** No control characters, no ";" (RFC 6265 section 4.1.1, path-value). */
const PATH = /^\/[\x20-\x3a\x3c-\x7e]*$/;

export class SessionCookie {
  readonly name: string;
  /** True if the browser's copy has an end of its own, which is moved when the session is renewed. */
  readonly hasMaxAge: boolean;
  readonly #attributes: string;
  readonly #expired: string;

  /** Throws a RangeError for what no browser would take. */
  constructor(options: SessionCookieOptions = {}) {
    const { name = DEFAULT_COOKIE_NAME, path = "/", sameSite = "lax", secure = false, maxAgeMs } = options;
    if (!TOKEN.test(name)) throw new RangeError(`the session cookie's name must be a token, not "${name}"`);
    if (!PATH.test(path))
      throw new RangeError(`the session cookie's path must start with "/", not be "${path}"`);
    if (sameSite === "none" && !secure) {
      throw new RangeError('the session cookie needs "secure" when its sameSite is "none"');
    }
    if (maxAgeMs !== undefined && !(maxAgeMs >= 1000)) {
      throw new RangeError(`the session cookie's maxAgeMs must be at least 1000, not ${maxAgeMs}`);
    }
    const common = `; Path=${path}; HttpOnly; SameSite=${SAME_SITE[sameSite]}${secure ? "; Secure" : ""}`;
    this.name = name;
    this.hasMaxAge = maxAgeMs !== undefined;
    this.#attributes = common + (maxAgeMs === undefined ? "" : `; Max-Age=${Math.floor(maxAgeMs / 1000)}`);
    this.#expired = `${name}=${common}; Max-Age=0`;
  }

  /** The Set-Cookie value that gives the browser `id`. */
  setting(id: string): string {
    return `${this.name}=${id}${this.#attributes}`;
  }

  /** The Set-Cookie value that takes the cookie away. */
  expired(): string {
    return this.#expired;
  }
}

const SAME_SITE = { lax: "Lax", strict: "Strict", none: "None" } as const;
