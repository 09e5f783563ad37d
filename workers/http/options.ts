// The limits of the HTTP server and their defaults. Nothing that a client sends is without one.

export interface HttpOptions {
  /**
   * Request line and fields together, in bytes; beyond it 431. The transport's receive window must be at least this.
   */
  readonly maxHeadBytes: number;
  /** Request target, in bytes; beyond it 414. */
  readonly maxTargetBytes: number;
  /** Field lines in a head; beyond it 431. */
  readonly maxFields: number;
  /** Body of a request, in bytes, where its `BodyRules` say nothing else; beyond it 413. */
  readonly maxBodyBytes: number;
  /** From the first byte of a head (or the connection's beginning) to its last; then 408. */
  readonly headTimeoutMs: number;
  /** For each `bodyStepBytes` of a request's body to arrive, or what is left of it, while someone waits for it; then 408. */
  readonly bodyTimeoutMs: number;
  /** So that a body that drips does not hold its connection for ever. */
  readonly bodyStepBytes: number;
  /** Between an answer and the next request; then the connection is closed. */
  readonly idleTimeoutMs: number;
  /** Without a request on its way, while the server drains; then the connection is closed. */
  readonly drainIdleTimeoutMs: number;
  /** Without the peer taking any of what is queued for it; then the connection is aborted. */
  readonly sendTimeoutMs: number;
  /**
   * For the peer to close its side after we have closed ours (RFC 9112 section 9.6); then the connection is aborted.
   */
  readonly lingerTimeoutMs: number;
  /**
   * Connections, but for those that we have closed and the peer has not. One more, and the one that has been idle longest is
   * closed; if none is idle, the one that has owed us a head longest goes, or a body. Who is being answered stays.
   */
  readonly maxConnections: number;
  /** Connections that owe us a head: none or part of one has come. One more, and the first of them is 408, or closed. */
  readonly maxHeadsAwaited: number;
  /** Connections that owe us a body. One more, and the one that has brought nothing for longest is 408. */
  readonly maxBodiesAwaited: number;
  /** Memory of all bodies that are gathered, or have been for a request in progress, in bytes. Beyond it: the same. */
  readonly maxGatheredBytes: number;
  /** Connections that we have closed and the peer has not. One more, and the first of them is aborted. */
  readonly maxLingering: number;
}

/** How the body of a request is taken. */
export interface BodyRules {
  /** Its length at most, in bytes; beyond it the answer is 413. Default: 16 MiB. `Infinity` is for streams only. */
  readonly maxBytes?: number | undefined;
  /** True: the app is called at once, and the body arrives as the app reads it. Default: it is gathered first. */
  readonly streams?: boolean | undefined;
}

export const HTTP_DEFAULTS: HttpOptions = {
  maxHeadBytes: 16 * 1024,
  maxTargetBytes: 8 * 1024,
  maxFields: 100,
  maxBodyBytes: 16 * 1024 * 1024,
  headTimeoutMs: 15_000,
  bodyTimeoutMs: 30_000,
  bodyStepBytes: 16 * 1024,
  idleTimeoutMs: 65_000,
  drainIdleTimeoutMs: 1_000,
  sendTimeoutMs: 60_000,
  lingerTimeoutMs: 5_000,
  maxConnections: 131_072,
  maxHeadsAwaited: 4_096,
  maxBodiesAwaited: 2_048,
  maxGatheredBytes: 256 * 1024 * 1024,
  maxLingering: 1_024,
};
