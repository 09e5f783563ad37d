// What the parts of a worker have counted, in the block that everyone reads: the right number under each name, and on from
// where the thread before it stopped.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Counters } from "../../core/memory/counters.js";
import { WORKER_COUNTERS } from "../../core/memory/worker-counters.js";
import { DatagramCounters } from "../../workers/datagram/datagram-service.js";
import { HttpCounters } from "../../workers/http/http-counters.js";
import type { SessionCounters } from "../../workers/session/sessions.js";
import { TcpCounters } from "../../workers/tcp/tcp-counters.js";
import { createCountsPublisher } from "../../workers/worker-counts.js";

/** The parts of a worker, as far as they count; each counter has another number, so that none can be taken for another. */
function countingParts() {
  const http = Object.assign(new HttpCounters(), {
    requests: 1,
    idleTimeouts: 2,
    abortTimeouts: 3,
    connections: 4,
    displaced: 5,
  });
  for (const [index, count] of [0, 0, 11, 12, 13, 14].entries()) http.responses[index] = count;
  Object.assign(http.refusals, { 400: 100, 408: 200, 505: 400 });
  const datagrams = Object.assign(new DatagramCounters(), {
    requests: 1_000,
    answers: 21,
    malformed: 2_000,
    ignored: 4_000,
    tooLarge: 22,
    failures: 23,
  });
  const tcp = Object.assign(new TcpCounters(), {
    segmentsReceived: 31,
    segmentsSent: 32,
    retransmissions: 33,
    resetsSent: 34,
    icmpSoftErrors: 100,
    icmpHardErrors: 200,
    icmpTooBig: 400,
    pathMtuLowered: 1_000,
    pathMtuBlackHoles: 2_000,
    synCookiesSent: 35,
    synCookiesAccepted: 36,
    synCookiesRejected: 37,
  });
  const sessions: SessionCounters = {
    started: 41,
    cacheHits: 42,
    stale: 43,
    misses: 44,
    loads: 45,
    versionQueries: 46,
    commits: 47,
    conflicts: 48,
    forgedIds: 49,
  };
  return {
    http: { counters: http },
    datagrams: { counters: datagrams },
    tcp: { counters: tcp },
    sessions: { counters: sessions },
    faulty: [1, 10].map((times) => ({
      faults: {
        dropped: 51 * times,
        duplicated: 52 * times,
        corrupted: 53 * times,
        reordered: 54 * times,
        overflowed: 55 * times,
      },
    })),
  };
}

test("what a worker has counted, is published under its name", () => {
  const block = new Counters(WORKER_COUNTERS);
  createCountsPublisher(block.buffer, countingParts())();
  assert.equal(block.snapshot(), {
    requests: 1,
    responses_1xx: 0,
    responses_2xx: 11,
    responses_3xx: 12,
    responses_4xx: 13,
    responses_5xx: 14,
    refusals: 700,
    idle_timeouts: 2,
    abort_timeouts: 3,
    connections_displaced: 5,
    connections_opened: 4,
    datagrams_received: 7_000,
    datagrams_answered: 21,
    tcp_segments_received: 31,
    tcp_segments_sent: 32,
    tcp_segments_retransmitted: 33,
    tcp_resets_sent: 34,
    tcp_icmp_errors: 700,
    tcp_path_mtu_lowered: 3_000,
    tcp_syn_cookies_sent: 35,
    tcp_syn_cookies_accepted: 36,
    tcp_syn_cookies_rejected: 37,
    faults_dropped: 561,
    faults_duplicated: 572,
    faults_corrupted: 583,
    faults_reordered: 594,
    faults_overflowed: 605,
    sessions_started: 41,
    sessions_forged: 49,
    session_cache_hits: 42,
    session_cache_misses: 44,
    session_cache_stale: 43,
    session_loads: 45,
    session_commits: 47,
    session_conflicts: 48,
  });
});

test("publishing again, shows what has been counted since, once", () => {
  const block = new Counters(WORKER_COUNTERS);
  const parts = countingParts();
  const publish = createCountsPublisher(block.buffer, parts);
  publish();
  publish();
  assert.is(block.get("requests"), 1);
  parts.http.counters.requests = 10;
  publish();
  assert.is(block.get("requests"), 10);
});

test("a worker that takes a number over, counts on from where the one before it stopped", () => {
  const block = new Counters(WORKER_COUNTERS);
  createCountsPublisher(block.buffer, countingParts())();
  const parts = countingParts();
  const publish = createCountsPublisher(block.buffer, parts);
  assert.is(block.get("session_commits"), 47);
  publish();
  assert.is(block.get("session_commits"), 94);
  parts.sessions.counters.commits = 50;
  publish();
  assert.is(block.get("session_commits"), 97);
});

test.run();
