// When a user that queues faster than the network takes is to wait, and when it may go on (limits.ts says why these marks).

import { type TcpConnection, unsentBytes } from "./connection.js";
import type { TcpLimits } from "./limits.js";

/** The user, which has queued data, is to wait. */
export function isAboveHighWater(limits: TcpLimits, connection: TcpConnection): boolean {
  return (
    unsentBytes(connection) > limits.sendHighWaterBytes || connection.queuedBytes > limits.sendBufferBytes
  );
}

/** The user, which waits, may go on. */
export function isBelowLowWater(limits: TcpLimits, connection: TcpConnection): boolean {
  return (
    unsentBytes(connection) < limits.sendLowWaterBytes && connection.queuedBytes < limits.sendBufferBytes
  );
}
