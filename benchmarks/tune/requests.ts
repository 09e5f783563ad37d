// The requests of a load, from a file that somebody has written for an app.

import { readFileSync } from "node:fs";
import * as v from "valibot";

export interface TuneRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** How often it is sent, against the others. */
  readonly weight: number;
}

/** A file of requests cannot be used; the message is one sentence. */
export class RequestsError extends Error {
  override readonly name = "RequestsError";
  readonly code = "invalid_requests";
}

const MAX_REQUESTS = 10_000;

/** RFC 9110 section 5.6.2. */
const token = v.pipe(v.string(), v.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "takes a token"));

const requestSchema = v.strictObject({
  method: v.optional(v.pipe(v.string(), v.regex(/^[A-Z]+$/, "takes a method in capitals")), "GET"),
  // Visible ASCII, as it goes on the wire.
  path: v.pipe(
    v.string("takes a path"),
    v.regex(/^\/[\x21-\x7e]*$/, "takes a path that begins with / and has no blanks"),
  ),
  headers: v.optional(
    v.record(token, v.pipe(v.string(), v.regex(/^[\t\x20-\x7e\x80-\xff]*$/, "takes one line of text"))),
    {},
  ),
  /** A text goes as it is, everything else as JSON. */
  body: v.optional(v.unknown()),
  weight: v.optional(v.pipe(v.number(), v.finite(), v.gtValue(0, "takes a number above 0")), 1),
});

const fileSchema = v.pipe(
  v.array(requestSchema, "it must be a list"),
  v.minLength(1, "it has no request"),
  v.maxLength(MAX_REQUESTS, `it has more than ${MAX_REQUESTS} requests`),
);

/** Throws a `RequestsError`. */
export function readRequests(file: string): TuneRequest[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new RequestsError(`requests (--requests): ${(error as Error).message}`);
  }
  return parseRequests(text, file);
}

/** `name` says in messages what the text is. Throws a `RequestsError`. */
export function parseRequests(text: string, name: string): TuneRequest[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RequestsError(`${name} is not JSON: ${(error as Error).message}`);
  }
  const result = v.safeParse(fileSchema, value, { abortEarly: true });
  if (result.success) return result.output.map(completed);
  const issue = result.issues[0];
  const [at, ...below] = (issue.path ?? []).map(({ key }) => String(key));
  if (at === undefined) throw new RequestsError(`${name}: ${issue.message}`);
  throw new RequestsError(
    `${name}: request ${at} (counted from 0)${below.length === 0 ? "" : `, ${below.join(".")}`}: ${issue.message}`,
  );
}

function completed({ body, headers, ...rest }: v.InferOutput<typeof requestSchema>): TuneRequest {
  if (body === undefined) return { ...rest, headers };
  if (typeof body === "string") return { ...rest, headers, body };
  const hasType = Object.keys(headers).some((name) => name.toLowerCase() === "content-type");
  return {
    ...rest,
    headers: hasType ? headers : { ...headers, "content-type": "application/json" },
    body: JSON.stringify(body),
  };
}
