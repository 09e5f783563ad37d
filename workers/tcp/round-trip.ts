// The retransmission timeout from round trips (RFC 6298). A millisecond clock sees a local device's round trips as 0;
// the minimum keeps the timeout far above them all the same.

import type { TcpConnection } from "./connection.js";
import type { TcpLimits } from "./limits.js";

/** Takes in a round trip of `roundTripMs`, measured on data that was sent once (Karn) or by a timestamp. */
export function sampleRoundTrip(limits: TcpLimits, connection: TcpConnection, roundTripMs: number): void {
  const sample = Math.max(0, Math.min(roundTripMs, limits.rtoMaxMs));
  if (connection.srtt8 < 0) {
    // (2.2) SRTT <- R, RTTVAR <- R/2
    connection.srtt8 = sample << 3;
    connection.rttvar4 = sample << 1;
  } else {
    // (2.3) RTTVAR <- 3/4 RTTVAR + 1/4 |SRTT - R'|, SRTT <- 7/8 SRTT + 1/8 R'
    const error = sample - (connection.srtt8 >> 3);
    connection.rttvar4 += Math.abs(error) - (connection.rttvar4 >> 2);
    connection.srtt8 += error;
  }
  // RTO <- SRTT + max(G, K*RTTVAR), K = 4. Our minimum takes G's place: on a path with an even round trip the variation would
  // become nothing, and the timeout shorter than the recovery of a single loss takes.
  const rtoMs = (connection.srtt8 >> 3) + Math.max(limits.rtoMinMs, connection.rttvar4);
  connection.rtoMs = Math.min(rtoMs, limits.rtoMaxMs);
}

/** (5.5) The timer has expired: twice the timeout, until a round trip is measured again. */
export function backOff(limits: TcpLimits, connection: TcpConnection): void {
  connection.rtoMs = Math.min(2 * connection.rtoMs, limits.rtoMaxMs);
}
