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
  /** Body of a request, in bytes; beyond it 413. */
  readonly maxBodyBytes: number;
  /** From the first byte of a head (or the connection's beginning) to its last; then 408. */
  readonly headTimeoutMs: number;
  /** Between two arrivals of a request's body; then 408. */
  readonly bodyTimeoutMs: number;
  /** From the end of a head to the end of the body, however steadily it arrives; then 408. */
  readonly bodyTotalTimeoutMs: number;
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
}

export const HTTP_DEFAULTS: HttpOptions = {
  maxHeadBytes: 16 * 1024,
  maxTargetBytes: 8 * 1024,
  maxFields: 100,
  maxBodyBytes: 16 * 1024 * 1024,
  headTimeoutMs: 15_000,
  bodyTimeoutMs: 30_000,
  bodyTotalTimeoutMs: 300_000,
  idleTimeoutMs: 65_000,
  drainIdleTimeoutMs: 1_000,
  sendTimeoutMs: 60_000,
  lingerTimeoutMs: 5_000,
};
