// What a TCP stack counts: plain numbers, a name each; every segment that is dropped has its reason here.

export class TcpCounters {
  segmentsReceived = 0;
  segmentsSent = 0;
  /** Packets that the link did not take. */
  egressFull = 0;
  /** Segments among `segmentsSent` that carry data again. */
  retransmissions = 0;
  retransmissionTimeouts = 0;
  fastRetransmits = 0;
  /** Recoveries that were taken back, because nothing was lost. */
  needlessRecoveries = 0;
  /** Segments that reported duplicates (D-SACK). */
  duplicatesReported = 0;
  /** Probes of the end of a flight (RFC 8985 section 7). */
  lossProbes = 0;
  zeroWindowProbes = 0;
  keepAliveProbes = 0;
  synAckRetransmissions = 0;
  connectionsOpened = 0;
  connectionsClosed = 0;
  resetsSent = 0;
  resetsReceived = 0;
  timeouts = 0;
  /** ICMP errors about a connection, by what they say (core/wire/icmp-error). */
  icmpSoftErrors = 0;
  icmpHardErrors = 0;
  icmpTooBig = 0;
  /** ICMP errors about no connection, or about a segment that is not under way: forged, or late. */
  icmpUnknown = 0;
  icmpOutOfWindow = 0;
  /** "Too big" that tells no smaller MTU than is known, or none that can be. */
  icmpIgnored = 0;
  /** Times that a connection's segments had to become smaller: the network said so, or full ones vanished. */
  pathMtuLowered = 0;
  pathMtuBlackHoles = 0;
  challengeAcks = 0;
  /** Challenge ACKs that the rate limit held back. */
  challengeAcksLimited = 0;
  /** Data that was there already. */
  duplicateSegments = 0;
  outOfOrderSegments = 0;
  /** Out-of-order data that was dropped for there being too many ranges. */
  outOfOrderDropped = 0;
  outOfWindow = 0;
  /** Dropped by PAWS (RFC 7323 section 5). */
  oldTimestamps = 0;
  badAcks = 0;
  missingAcks = 0;
  badOptions = 0;
  /** Segments of no connection. */
  noConnection = 0;
  notListening = 0;
  badSyns = 0;
  connectionsFull = 0;
  /** SYN-ACKs that carried a SYN cookie, connections that such a cookie has opened, and ACKs that were to and did not. */
  synCookiesSent = 0;
  synCookiesAccepted = 0;
  synCookiesRejected = 0;
  timeWaitEvicted = 0;
  timeWaitReused = 0;
  /** Connections ended because the user queued more than `maxQueuedBytes`. */
  sendQueueFull = 0;
}
