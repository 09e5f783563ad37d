// The session's cookie as the response sets it (RFC 6265 section 4.1, and its successor draft-ietf-httpbis-rfc6265bis). Names,
// and what each attribute does when it is not given, are express-session's. Knows no sessions. What its options may be, alone and
// together, is checked where the farm is told (core/options); nothing is looked at twice here.

export interface SessionCookieOptions {
  /** Default "limpet.sid". */
  readonly name?: string;
  /** Paths below it have a session. Default "/". */
  readonly path?: string;
  /** The cookie goes to this domain and those below it. Default: to the host alone that has set it. */
  readonly domain?: string | undefined;
  /** Sent over TLS only. Default false: limpet itself speaks no TLS, set it when something in front of it does. */
  readonly secure?: boolean;
  /** Hidden from scripts. Default true. */
  readonly httpOnly?: boolean;
  /** Default "lax". "none" needs `secure`, or browsers refuse the cookie. */
  readonly sameSite?: "lax" | "strict" | "none";
  /** How long the browser keeps it, renewed with each commit. Default: until the browser is closed. */
  readonly maxAgeMs?: number | undefined;
  /**
   * Set with each response, so that `maxAgeMs` begins anew with each request. Not with an upload's whose session others have
   * changed meanwhile: their responses have set it since, and maybe to another ID. Default false.
   */
  readonly rolling?: boolean;
}

const DEFAULT_NAME = "limpet.sid";

export class SessionCookie {
  readonly name: string;
  /** True if the browser's copy has an end of its own, which is moved when the session is renewed. */
  readonly hasMaxAge: boolean;
  /** See `SessionCookieOptions.rolling`. */
  readonly isRolling: boolean;
  readonly #path: string;
  readonly #attributes: string;
  readonly #expired: string;

  constructor(options: SessionCookieOptions = {}) {
    const { name = DEFAULT_NAME, path = "/", domain, maxAgeMs } = options;
    const { secure = false, httpOnly = true, sameSite = "lax", rolling = false } = options;
    // A cookie is only taken away by one of the same path and domain.
    const common = [
      `; Path=${path}`,
      domain === undefined ? "" : `; Domain=${domain}`,
      httpOnly ? "; HttpOnly" : "",
      `; SameSite=${SAME_SITE[sameSite]}`,
      secure ? "; Secure" : "",
    ].join("");
    this.name = name;
    this.hasMaxAge = maxAgeMs !== undefined;
    this.isRolling = rolling;
    this.#path = path;
    this.#attributes = common + (maxAgeMs === undefined ? "" : `; Max-Age=${Math.floor(maxAgeMs / 1000)}`);
    this.#expired = `${name}=${common}; Max-Age=0`;
  }

  /**
   * True if browsers send the cookie with requests for this path, as it is written in the request (RFC 6265 section 5.1.4).
   * Others must have no session: each would begin a new one, and its cookie replace the one that the browser did not show.
   */
  covers(requestPath: string): boolean {
    const path = this.#path;
    if (path === "/" || requestPath === path) return true;
    return requestPath.startsWith(path) && (path.endsWith("/") || requestPath[path.length] === "/");
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
