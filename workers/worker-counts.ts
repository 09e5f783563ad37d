// Copies what the parts of a worker have counted to the block that everyone can read (core/memory/worker-counters.ts).

import type { FaultCounts, FaultKind } from "../core/link/fault-queue.js";
import { Counters } from "../core/memory/counters.js";
import { WORKER_COUNTERS, type WorkerCounterName } from "../core/memory/worker-counters.js";
import type { DatagramCounters } from "./datagram/datagram-service.js";
import type { HttpCounters } from "./http/http-counters.js";
import type { SessionCounters } from "./session/sessions.js";
import type { TcpCounters } from "./tcp/tcp-counters.js";

export interface CountingParts {
  readonly http: { readonly counters: HttpCounters };
  readonly datagrams: { readonly counters: DatagramCounters };
  readonly tcp: { readonly counters: TcpCounters };
  readonly sessions: { readonly counters: SessionCounters };
  readonly faulty: readonly { readonly faults: FaultCounts }[];
}

/** Returns what publishes: each counter is what the block had at first and what the worker has counted since. */
export function createCountsPublisher(buffer: SharedArrayBuffer, parts: CountingParts): () => void {
  const block = new Counters(WORKER_COUNTERS, buffer);
  const before = Float64Array.from(block.words);
  return () => {
    const counted = countsOf(parts);
    for (const [index, name] of WORKER_COUNTERS.entries())
      block.words[index] = before[index]! + counted[name];
  };
}

function countsOf({
  http,
  datagrams,
  tcp,
  sessions,
  faulty,
}: CountingParts): Record<WorkerCounterName, number> {
  const { responses, refusals } = http.counters;
  const faults = (kind: FaultKind) => faulty.reduce((sum, egress) => sum + egress.faults[kind], 0);
  return {
    requests: http.counters.requests,
    responses_1xx: responses[1]!,
    responses_2xx: responses[2]!,
    responses_3xx: responses[3]!,
    responses_4xx: responses[4]!,
    responses_5xx: responses[5]!,
    refusals: Object.values(refusals).reduce((sum, count) => sum + count, 0),
    idle_timeouts: http.counters.idleTimeouts,
    abort_timeouts: http.counters.abortTimeouts,
    connections_displaced: http.counters.displaced,
    connections_opened: http.counters.connections,
    datagrams_received:
      datagrams.counters.requests + datagrams.counters.malformed + datagrams.counters.ignored,
    datagrams_answered: datagrams.counters.answers,
    tcp_segments_received: tcp.counters.segmentsReceived,
    tcp_segments_sent: tcp.counters.segmentsSent,
    tcp_segments_retransmitted: tcp.counters.retransmissions,
    tcp_resets_sent: tcp.counters.resetsSent,
    tcp_icmp_errors: tcp.counters.icmpSoftErrors + tcp.counters.icmpHardErrors + tcp.counters.icmpTooBig,
    tcp_path_mtu_lowered: tcp.counters.pathMtuLowered + tcp.counters.pathMtuBlackHoles,
    tcp_syn_cookies_sent: tcp.counters.synCookiesSent,
    tcp_syn_cookies_accepted: tcp.counters.synCookiesAccepted,
    tcp_syn_cookies_rejected: tcp.counters.synCookiesRejected,
    faults_dropped: faults("dropped"),
    faults_duplicated: faults("duplicated"),
    faults_corrupted: faults("corrupted"),
    faults_reordered: faults("reordered"),
    faults_overflowed: faults("overflowed"),
    sessions_started: sessions.counters.started,
    sessions_forged: sessions.counters.forgedIds,
    session_cache_hits: sessions.counters.cacheHits,
    session_cache_misses: sessions.counters.misses,
    session_cache_stale: sessions.counters.stale,
    session_loads: sessions.counters.loads,
    session_commits: sessions.counters.commits,
    session_conflicts: sessions.counters.conflicts,
  };
}
