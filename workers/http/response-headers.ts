// The fields of a response, with the names of fetch's Headers. Every name and value is checked when it is set, so
// that nothing an app passes on can begin a line of its own (response splitting). The fields that frame the message
// are the server's: setting them does nothing, except that `connection: close` asks for the connection's end.

import { TOKEN } from "./characters.js";

export type HeadersInit =
  | Readonly<Record<string, string>>
  | Iterable<readonly [string, string]>
  | ResponseHeaders;

/** Computed from the content and the connection (RFC 9110 sections 6.6.1 and 8.6, RFC 9112 sections 6 and 9). */
const SERVER_FIELDS = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** field-value (RFC 9110 section 5.5), space at the ends aside: visible characters, obs-text, spaces and tabs. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

export class ResponseHeaders {
  /** Apart from the others, because nearly every response has it and few have more. */
  #contentType: string | null = null;
  /** Names and values by turns, in the order in which they will be sent; null until there is one. */
  #others: string[] | null = null;
  #closes = false;

  /** Replaces all fields of this name. Throws a TypeError if name or value is not valid. */
  set(name: string, value: string): void {
    const key = checked(name, value);
    if (key === "content-type") {
      this.#contentType = value;
    } else if (SERVER_FIELDS.has(key)) {
      this.#noteClose(key, value);
    } else {
      this.delete(name);
      this.#push(name, value);
    }
  }

  /** Adds a field beside those of the same name. Throws a TypeError if name or value is not valid. */
  append(name: string, value: string): void {
    const key = checked(name, value);
    if (key === "content-type") {
      this.#contentType = this.#contentType === null ? value : `${this.#contentType}, ${value}`;
    } else if (SERVER_FIELDS.has(key)) {
      this.#noteClose(key, value);
    } else {
      this.#push(name, value);
    }
  }

  /** The field's value, several of them joined by ", "; null if it is not set. */
  get(name: string): string | null {
    const key = name.toLowerCase();
    if (key === "content-type") return this.#contentType;
    const values = this.#valuesOf(key);
    return values.length === 0 ? null : values.join(", ");
  }

  /** Set-Cookie is the field that must not be joined (RFC 9110 section 5.3). */
  getSetCookie(): string[] {
    return this.#valuesOf("set-cookie");
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  delete(name: string): void {
    const key = name.toLowerCase();
    if (key === "content-type") this.#contentType = null;
    const others = this.#others;
    if (others === null) return;
    for (let index = others.length - 2; index >= 0; index -= 2) {
      if (others[index]!.toLowerCase() === key) others.splice(index, 2);
    }
  }

  *entries(): IterableIterator<[string, string]> {
    if (this.#contentType !== null) yield ["content-type", this.#contentType];
    const others = this.#others ?? [];
    for (let index = 0; index < others.length; index += 2) {
      yield [others[index]!.toLowerCase(), others[index + 1]!];
    }
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  /** Whether the response asks for the connection to be closed after it. */
  get closes(): boolean {
    return this.#closes;
  }

  get contentType(): string | null {
    return this.#contentType;
  }

  /** Sets a content type that is known to be valid, if there is none yet. */
  defaultContentType(value: string): void {
    this.#contentType ??= value;
  }

  /** Appends every field of `init`. Throws a TypeError if a name or value is not valid. */
  appendAll(init: HeadersInit): void {
    if (init instanceof ResponseHeaders) {
      this.#copyFrom(init);
    } else if (typeof (init as Iterable<readonly [string, string]>)[Symbol.iterator] === "function") {
      for (const [name, value] of init as Iterable<readonly [string, string]>) this.append(name, value);
    } else {
      const record = init as Readonly<Record<string, string>>;
      for (const name in record) this.append(name, record[name]!);
    }
  }

  /** The field lines other than Content-Type as they are sent, each with its CRLF. */
  emitOthers(): string {
    const others = this.#others;
    if (others === null) return "";
    let lines = "";
    for (let index = 0; index < others.length; index += 2) {
      lines += `${others[index]}: ${others[index + 1]}\r\n`;
    }
    return lines;
  }

  #push(name: string, value: string): void {
    if (this.#others === null) this.#others = [name, value];
    else this.#others.push(name, value);
  }

  #valuesOf(key: string): string[] {
    const others = this.#others ?? [];
    return others.filter((_, index) => index % 2 === 1 && others[index - 1]!.toLowerCase() === key);
  }

  #copyFrom(source: ResponseHeaders): void {
    this.#contentType ??= source.#contentType;
    this.#closes ||= source.#closes;
    if (source.#others !== null) this.#others = [...(this.#others ?? []), ...source.#others];
  }

  #noteClose(key: string, value: string): void {
    if (key === "connection" && value.toLowerCase() === "close") this.#closes = true;
  }
}

/** The name in lower case, if both are valid. */
function checked(name: string, value: string): string {
  const key = checkedNames.get(name) ?? checkName(name);
  if (typeof value !== "string" || !FIELD_VALUE.test(value)) {
    throw new TypeError(`the value of the response's header "${name}" is not a valid field value`);
  }
  return key;
}

/** Names that were found valid, with their form in lower case; bounded, since apps may make names up. */
const checkedNames = new Map<string, string>();
const MAX_CHECKED_NAMES = 256;

function checkName(name: string): string {
  let isToken = typeof name === "string" && name.length > 0;
  for (let index = 0; isToken && index < name.length; index++) isToken = TOKEN[name.charCodeAt(index)] === 1;
  if (!isToken) throw new TypeError(`${JSON.stringify(name)} is not a valid header name`);
  const key = name.toLowerCase();
  if (checkedNames.size < MAX_CHECKED_NAMES) checkedNames.set(name, key);
  return key;
}
