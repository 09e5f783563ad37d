// How long an exchange may stay as it is. Looked at by a sweep over all connections about once a second: no timer a
// connection, and no clock read a request. What happens to an exchange only marks it UNTIMED; the next sweep puts its
// own time there, and later ones measure from that.

import { CLOSING, type Exchange, HEAD, IDLE, UNTIMED } from "./exchange.js";
import type { HttpOptions } from "./options.js";

/** What to do about an exchange: give its head or its body up, close it, or abort it. */
export type Expiry = "head" | "body" | "close" | "abort";

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
  const elapsedMs = nowMs - exchange.sinceMs;
  // A client that takes nothing is given up whatever else it does or owes.
  if (queuedBytes > 0 && phase !== HEAD && elapsedMs >= options.sendTimeoutMs) return "abort";
  if (phase === HEAD) return elapsedMs >= options.headTimeoutMs ? "head" : null;
  // The responder has bounds of its own, and an answer's stream is as fast as its source; a body has to come.
  if (phase !== IDLE && phase !== CLOSING) return isBodyLate(exchange, options, nowMs) ? "body" : null;
  if (queuedBytes > 0) return null;
  if (phase === CLOSING) return elapsedMs >= options.lingerTimeoutMs ? "abort" : null;
  const usualMs = exchange.answers === 0 ? options.headTimeoutMs : options.idleTimeoutMs;
  const limitMs = isDraining ? Math.min(usualMs, options.drainIdleTimeoutMs) : usualMs;
  return elapsedMs >= limitMs ? "close" : null;
}

/** Whether the step of the body that someone waits for takes too long. While nobody waits, no time passes. */
function isBodyLate(exchange: Exchange, options: HttpOptions, nowMs: number): boolean {
  const { body } = exchange;
  if (body === null || !body.isWanted) {
    exchange.stepSinceMs = UNTIMED;
    return false;
  }
  if (
    exchange.stepSinceMs === UNTIMED ||
    body.contentBytes - exchange.stepStartBytes >= options.bodyStepBytes
  ) {
    exchange.stepSinceMs = nowMs;
    exchange.stepStartBytes = body.contentBytes;
  }
  return nowMs - exchange.stepSinceMs >= options.bodyTimeoutMs;
}
