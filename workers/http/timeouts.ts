// How long an exchange may stay as it is. Looked at by a sweep over all connections about once a second: no timer a
// connection, and no clock read a request. What happens to an exchange only marks it UNTIMED; the next sweep puts its
// own time there, and later ones measure from that.

import { CLOSING, type Exchange, HEAD, IDLE, RESPONDING, UNTIMED } from "./exchange.js";
import type { HttpOptions } from "./options.js";

/** What to do about an exchange: answer 408, close it, or abort it. */
export type Expiry = "refuse" | "close" | "abort";

/** What is due for the exchange at `nowMs`, or null. Notes the time in it. */
export function expiryOf(
  exchange: Exchange,
  options: HttpOptions,
  isDraining: boolean,
  nowMs: number,
): Expiry | null {
  const { queuedBytes } = exchange.connection;
  const isUntimed = exchange.sinceMs === UNTIMED;
  const isMoving = queuedBytes !== exchange.queuedBytes;
  exchange.queuedBytes = queuedBytes;
  if (isUntimed || (isMoving && exchange.phase !== HEAD)) exchange.sinceMs = nowMs;
  const { phase } = exchange;
  if (phase > HEAD && phase < RESPONDING) {
    if (exchange.bodySinceMs === UNTIMED) exchange.bodySinceMs = nowMs;
    if (nowMs - exchange.bodySinceMs >= options.bodyTotalTimeoutMs) return "refuse";
  }
  const elapsedMs = nowMs - exchange.sinceMs;
  // A client that takes nothing is given up whatever else it does or owes.
  if (queuedBytes > 0 && phase !== HEAD) return elapsedMs >= options.sendTimeoutMs ? "abort" : null;
  switch (phase) {
    case IDLE: {
      const usualMs = exchange.answers === 0 ? options.headTimeoutMs : options.idleTimeoutMs;
      const limitMs = isDraining ? Math.min(usualMs, options.drainIdleTimeoutMs) : usualMs;
      return elapsedMs >= limitMs ? "close" : null;
    }
    case HEAD:
      return elapsedMs >= options.headTimeoutMs ? "refuse" : null;
    case RESPONDING:
      // The responder has bounds of its own, and a stream is as fast as its source.
      return null;
    case CLOSING:
      return elapsedMs >= options.lingerTimeoutMs ? "abort" : null;
    default:
      return elapsedMs >= options.bodyTimeoutMs ? "refuse" : null;
  }
}
