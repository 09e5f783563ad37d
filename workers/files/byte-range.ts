// The Range field in bytes (RFC 9110 section 14): which part of a representation is asked for. One range only: several are
// answered with the whole, as a server may (section 14.2), since no browser asks for them and assembling them is an old way to
// make a server work hard.
//
// Not the package range-parser: it takes a suffix that is longer than the representation for unsatisfiable, where section
// 14.1.2 says that it is the whole.

export interface ByteRange {
  readonly start: number;
  /** The last byte's position, which belongs to it. */
  readonly end: number;
}

const ONE_RANGE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;

/**
 * The range of a representation of `size` bytes; null for the whole, also where the field is not valid; "unsatisfiable" if there
 * is no such part.
 */
export function parseRange(field: string | null, size: number): ByteRange | null | "unsatisfiable" {
  const [, first = "", last = ""] = (field === null ? null : ONE_RANGE.exec(field)) ?? [];
  if (first === "" && last === "") return null;
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== "" && Number(last) < start) return null;
  return start < size ? { start, end } : "unsatisfiable";
}
