// The fields of a request, looked up in the text of its head. The head has been parsed and found valid; lookups scan
// its lines, which for the few that an app asks for is cheaper than a table of all of them.

/**
 * Values are Latin-1, as fetch has them: a byte above 0x7F (obs-text, RFC 9110 section 5.5) is the character of that number, so who
 * expects UTF-8 decodes it, `Buffer.from(value, "latin1").toString()`. Control characters are never among them.
 */
export class RequestHeaders {
  readonly #head: string;
  readonly #start: number;

  /** `head[start …)` is a sequence of valid field lines, each with its CRLF. */
  constructor(head: string, start: number) {
    this.#head = head;
    this.#start = start;
  }

  /** The field's value, or null. Several fields of one name are joined as fetch does: by ", ", cookies by "; ". */
  get(name: string): string | null {
    const head = this.#head;
    let value: string | null = null;
    for (let at = this.#start; at < head.length; ) {
      const colon = head.indexOf(":", at);
      const end = head.indexOf("\r", colon);
      if (colon - at === name.length && isSameName(head, at, name)) {
        const more = trimmed(head, colon + 1, end);
        value = value === null ? more : value + separatorOf(name) + more;
      }
      at = end + 2;
    }
    return value;
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  /** Names in lower case, each once, in the order of their first appearance, with their joined values. */
  *entries(): IterableIterator<[string, string]> {
    const seen = new Set<string>();
    const head = this.#head;
    for (let at = this.#start; at < head.length; at = head.indexOf("\r", at) + 2) {
      const name = head.substring(at, head.indexOf(":", at)).toLowerCase();
      if (seen.has(name)) continue;
      seen.add(name);
      yield [name, this.get(name)!];
    }
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this.entries()) yield name;
  }

  *values(): IterableIterator<string> {
    for (const [, value] of this.entries()) yield value;
  }

  forEach(visit: (value: string, name: string) => void): void {
    for (const [name, value] of this.entries()) visit(value, name);
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }
}

/** Whether the token at `head[at]` is `name`, which has as many characters, whatever the case of the letters. */
function isSameName(head: string, at: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    const ours = head.charCodeAt(at + index);
    const theirs = name.charCodeAt(index);
    if (ours !== theirs && lower(ours) !== lower(theirs)) return false;
  }
  return true;
}

function lower(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}

function separatorOf(name: string): string {
  return name.length === 6 && name.toLowerCase() === "cookie" ? "; " : ", ";
}

/** Not String.trim, which would take a no-break space (obs-text, RFC 9110 section 5.5) too. */
function trimmed(head: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isSpace(head.charCodeAt(from))) from++;
  while (to > from && isSpace(head.charCodeAt(to - 1))) to--;
  return head.substring(from, to);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
