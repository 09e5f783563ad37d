// Finds the end of a head (a request's, or a chunked body's trailer section) while it arrives, and where its lines
// end. Bytes are judged strictly by their position and never by how they were split: what stops the scan is the first
// byte that is wrong, or the first beyond a limit. Line ends are CRLF; a bare CR or LF is refused at once, since
// readers that disagree about them are how requests are smuggled (RFC 9112 sections 2.2 and 11.2).

import { CR, DEL, HTAB, LF, SP } from "./characters.js";

/** How much a scan may see. */
export interface ScanLimits {
  readonly firstLineBytes: number;
  /** Status for a first line that is longer than that. */
  readonly firstLineStatus: number;
  /** All lines with their ends, and the empty line. */
  readonly totalBytes: number;
  readonly lines: number;
}

/** How far a head has been scanned; kept with the connection until the head is complete. */
export interface ScanProgress {
  /** Bytes, from the head's first, that need not be looked at again. */
  scanned: number;
  /** Lines that ended within them. */
  lines: number;
}

/** Where the lines of the last complete head end, as offsets from its first byte; reused for every head. */
export class LineEnds {
  readonly ends: Int32Array;
  count = 0;

  constructor(maxLines: number) {
    this.ends = new Int32Array(maxLines + 1);
  }
}

/**
 * Scans `bytes[start … end)`, which begins with the head's first byte. Returns the head's length in bytes, the empty
 * line included; 0 while it is incomplete; or the negative of the status to answer with.
 */
export function scanHead(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: ScanLimits,
  progress: ScanProgress,
  lineEnds: LineEnds,
): number {
  const ends = lineEnds.ends;
  const resumed = progress.scanned > 0;
  let lines = progress.lines;
  let limit = start + (lines === 0 ? limits.firstLineBytes : limits.totalBytes);
  let stop = Math.min(end, limit);
  let at = start + progress.scanned;
  for (; at < stop; at++) {
    at = skipPlain(bytes, at, stop);
    const byte = bytes[at]!;
    if ((byte >= SP && byte !== DEL) || byte === HTAB) continue;
    if (byte !== CR) return -400;
    if (at + 1 >= stop) break;
    if (bytes[at + 1] !== LF) return -400;
    // An LF is only ever passed over as half of a CRLF, so one just before us means that this line is empty.
    if (at === start || bytes[at - 1] === LF) {
      const length = at + 2 - start;
      progress.scanned = 0;
      progress.lines = 0;
      // The ends seen in earlier calls are gone with those calls: scan once more, all of it this time.
      if (resumed) return scanHead(bytes, start, end, limits, progress, lineEnds);
      lineEnds.count = lines;
      return length;
    }
    if (lines === limits.lines) return -431;
    ends[lines++] = at - start;
    if (lines === 1) {
      limit = start + limits.totalBytes;
      stop = Math.min(end, limit);
    }
    at++;
  }
  if (stop === limit) return lines === 0 ? -limits.firstLineStatus : -431;
  progress.scanned = at - start;
  progress.lines = lines;
  return 0;
}

/**
 * Passes over bytes that are no control characters, four at a time, which takes a third off the scan.
 * Stops within four bytes of the first that is one, or of `end`, which it never reaches.
 */
function skipPlain(bytes: Uint8Array, start: number, end: number): number {
  const last = end - 4;
  let at = start;
  for (; at < last; at += 4) {
    const a = bytes[at]!;
    const b = bytes[at + 1]!;
    const c = bytes[at + 2]!;
    const d = bytes[at + 3]!;
    if (((a - SP) | (b - SP) | (c - SP) | (d - SP)) < 0) break;
    if (a === DEL || b === DEL || c === DEL || d === DEL) break;
  }
  return at;
}
