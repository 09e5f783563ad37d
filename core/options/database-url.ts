// The URL of a PostgreSQL database: told from a file's name, checked, and shown without what is secret in it. Knows no
// database; what the URL means in detail is its driver's business.

/** True for a text that is meant as the URL of a PostgreSQL database, right or wrong. */
export function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:/i.test(text);
}

/** True if it names a database, on one host (not on any of a list, which libpq has and pg has not) or, by the parameter `host`, on a unix socket. */
export function isWholePostgresUrl(text: string): boolean {
  const url = parsePostgresUrl(text);
  return url !== undefined && url.pathname.length > 1 && !url.hostname.includes(",");
}

/** libpq allows no host at all ("postgres://user@/database?host=/run/postgresql"), which URLs do not. */
function parsePostgresUrl(text: string): URL | undefined {
  if (!/^postgres(ql)?:\/\/[^\s\0]*$/i.test(text)) return undefined;
  const whole = text.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[/?#]|$)/i, "$1localhost");
  return URL.canParse(whole) ? new URL(whole) : undefined;
}

const HIDDEN = "***";

/** Parameters whose values are passwords. */
const SECRET_PARAMETERS = /^(password|sslpassword|passfile)$/i;

/** A file's name or a URL as it may be shown: without a password. Of a URL that cannot be read only the beginning. */
export function withoutPassword(text: string): string {
  if (!isPostgresUrl(text)) return text;
  const url = parsePostgresUrl(text);
  if (url === undefined) return "postgres://…";
  const user = url.password === "" ? url.username : `${url.username}:${HIDDEN}`;
  const parameters = [...url.searchParams].map(
    ([name, value]) => `${name}=${SECRET_PARAMETERS.test(name) ? HIDDEN : value}`,
  );
  return [
    `${url.protocol}//`,
    user === "" ? "" : `${user}@`,
    url.host + url.pathname,
    parameters.length === 0 ? "" : `?${parameters.join("&")}`,
  ].join("");
}
