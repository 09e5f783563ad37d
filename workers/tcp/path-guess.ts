// That full segments are too large for the path is a guess where nobody says so (path-mtu.ts makes it). It is taken back after a while,
// and made again, for longer, if it was right.

import type { TcpConnection } from "./connection.js";
import type { TcpContext } from "./context.js";

/**
 * How long a guess holds at first, and at most: twice as long each time that it is made again. On a path that loses one packet in six
 * three timeouts in a row are nothing rare, and have nothing to do with size. The longest is RFC 8899's PMTU_RAISE_TIMER (section 5.1.1).
 */
const FIRST_GUESS_MS = 5000;
const LONGEST_GUESS_MS = 600_000;
/** So many full segments' bytes, acknowledged after it was taken back, prove a guess wrong. */
const PROVING_SEGMENTS = 64;

/** Segments are, or were, smaller than they may be, because a black hole is suspected. */
export interface PathGuess {
  /** As the connection had it before. */
  readonly mss: number;
  /** How long it holds, and until when. */
  holdMs: number;
  untilMs: number;
  /** Acknowledged since it was taken back. */
  provenBytes: number;
}

/** The guess that full segments of `mss` do not pass; `before` is the connection's last one. */
export function guessAgain(before: PathGuess | null, mss: number, nowMs: number): PathGuess {
  if (before === null || mss > before.mss)
    return { mss, holdMs: FIRST_GUESS_MS, untilMs: nowMs + FIRST_GUESS_MS, provenBytes: 0 };
  if (mss === before.mss) {
    const isProven = before.provenBytes >= PROVING_SEGMENTS * mss;
    before.holdMs = isProven ? FIRST_GUESS_MS : Math.min(2 * before.holdMs, LONGEST_GUESS_MS);
  }
  // Else it still holds, and was not small enough.
  before.untilMs = nowMs + before.holdMs;
  before.provenBytes = 0;
  return before;
}

/** New data of a connection with a guess is acknowledged, `acked` bytes: once its time is over segments are as large as before. */
export function doubtGuess(context: TcpContext, connection: TcpConnection, acked: number): void {
  const guess = connection.pathGuess!;
  if (connection.mss === guess.mss) guess.provenBytes += acked;
  else if (context.nowMs >= guess.untilMs) connection.mss = guess.mss;
}
