// What a worker counts, as everyone else sees it: a block of `Counters` a worker number, kept by the main thread, so that
// a worker that takes a number over counts on where the last one stopped. The worker copies its own plain numbers there
// about once a second.
// writer: the worker · readers: main (status, metrics)

/** Names of the counters, in the order of their words; each only ever rises. */
export const WORKER_COUNTERS = [
  /** Requests given to the app. */
  "requests",
  /** Responses by class; those of the server itself (refusals) among them. */
  "responses_1xx",
  "responses_2xx",
  "responses_3xx",
  "responses_4xx",
  "responses_5xx",
  /** Requests that the server itself refused (400, 408, 413, …). */
  "refusals",
  /** Connections closed because no request came, and aborted because the peer took or closed nothing. */
  "idle_timeouts",
  "abort_timeouts",
  /** Connections ended because there were too many of their kind. */
  "connections_displaced",
  "connections_opened",
  /** Datagrams that came, and that were answered. */
  "datagrams_received",
  "datagrams_answered",
  // TCP of this worker; relayed connections are the kernel's.
  "tcp_segments_received",
  "tcp_segments_sent",
  "tcp_segments_retransmitted",
  "tcp_resets_sent",
  /** ICMP errors about a segment under way, and times that segments had to become smaller for the path. */
  "tcp_icmp_errors",
  "tcp_path_mtu_lowered",
  /** SYNs answered by a SYN cookie; connections that one has opened; ACKs that were to be of one and were not. */
  "tcp_syn_cookies_sent",
  "tcp_syn_cookies_accepted",
  "tcp_syn_cookies_rejected",
  // Faults on purpose, of packets that the worker has sent.
  "faults_dropped",
  "faults_duplicated",
  "faults_corrupted",
  "faults_reordered",
  "faults_overflowed",
  // Sessions.
  "sessions_started",
  "sessions_forged",
  "session_cache_hits",
  "session_cache_misses",
  "session_cache_stale",
  "session_loads",
  "session_commits",
  "session_conflicts",
] as const;

export type WorkerCounterName = (typeof WORKER_COUNTERS)[number];
