// Every limit and time of the worker's TCP, with its default. Times are in milliseconds of the stack's own clock.

export interface TcpLimits {
  /** Connections, those in SYN-RECEIVED included; a SYN beyond that is dropped. */
  readonly maxConnections: number;
  /** Connections in SYN-RECEIVED; one more is answered by a SYN cookie (RFC 4987). */
  readonly maxHalfOpen: number;
  /** Records of TIME-WAIT; one more forgets the oldest. */
  readonly maxTimeWait: number;
  /** 2 MSL, with the MSL of 30 s that Linux and the BSDs have. */
  readonly timeWaitMs: number;
  /** Unread and out-of-order data kept for one connection, and so its largest receive window, in bytes. */
  readonly receiveBufferBytes: number;
  /** Data queued to be sent on one connection, in bytes; more ends it. Below 2^30. */
  readonly maxQueuedBytes: number;
  /**
   * Data that is queued and not sent yet, in bytes: above the high mark the user should wait, and it is told when there is less than
   * the low one. What is sent and not acknowledged does not count (as with Linux's TCP_NOTSENT_LOWAT): it is as much as the path
   * holds, and a mark on it would be a limit of so much a round trip.
   */
  readonly sendHighWaterBytes: number;
  readonly sendLowWaterBytes: number;
  /** The same, sent or not: most that a peer can make us hold by acknowledging late (Linux's tcp_wmem has 4 MiB, too). */
  readonly sendBufferBytes: number;
  /** RFC 9293 section 3.8.6.3 demands less than 500; Linux's minimum is 40. */
  readonly delayedAckMs: number;
  /** RFC 6298 section 2.1. */
  readonly rtoInitialMs: number;
  /** RFC 6298 section 2.4 says 1 s; every stack in use has 200 ms. */
  readonly rtoMinMs: number;
  readonly rtoMaxMs: number;
  /**
   * How long the acknowledgment of a single segment may take beyond the round trip until it is probed (RFC 8985 section 7.2,
   * TLP.max_ack_delay): a little more than Linux's shortest delay. It is doubled for peers that prove slower.
   */
  readonly peerAckDelayMs: number;
  /**
   * Unanswered retransmissions or probes in a row before the connection is given up (R2, RFC 9293 section 3.8.3): with the
   * shortest timeouts after more than 200 s, where the RFC demands 100.
   */
  readonly maxRetransmissions: number;
  /** The same for SYN-ACKs: what a spoofed SYN can make us send. */
  readonly maxSynAckRetransmissions: number;
  /** How long FIN-WAIT-2 waits for the peer after its last segment. */
  readonly finWait2Ms: number;
  /**
   * Silence after which a peer is asked whether it is still there; 0: never, which RFC 9293 section 3.8.4 wants as default, and
   * no less than two hours (MUST-25, MUST-28). It is asked again in this time, so often, and then given up.
   */
  readonly keepAliveIdleMs: number;
  readonly keepAliveIntervalMs: number;
  readonly keepAliveProbes: number;
  /** At most one challenge ACK of a connection in this time (RFC 5961 section 7). */
  readonly challengeAckMs: number;
}

export const DEFAULT_TCP_LIMITS: TcpLimits = {
  maxConnections: 262_144,
  maxHalfOpen: 1024,
  maxTimeWait: 16_384,
  timeWaitMs: 60_000,
  receiveBufferBytes: 256 * 1024,
  maxQueuedBytes: 256 * 1024 * 1024,
  sendHighWaterBytes: 256 * 1024,
  sendLowWaterBytes: 64 * 1024,
  sendBufferBytes: 4 * 1024 * 1024,
  delayedAckMs: 40,
  rtoInitialMs: 1000,
  rtoMinMs: 200,
  rtoMaxMs: 60_000,
  peerAckDelayMs: 50,
  maxRetransmissions: 10,
  maxSynAckRetransmissions: 5,
  finWait2Ms: 60_000,
  keepAliveIdleMs: 0,
  keepAliveIntervalMs: 75_000,
  keepAliveProbes: 5,
  challengeAckMs: 500,
};
