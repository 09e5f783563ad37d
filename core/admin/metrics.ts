// The farm's figures in Prometheus's text format: names in base units with `_total` for what only rises, as its conventions
// have it. The process's own come from prom-client, of the main thread; the farm's are read from it when somebody looks.
//
// What always holds: one look is of one moment, since the sample is taken once for all metrics; and there are as many series
// as workers, verdicts, events and states allow, whatever comes in by packet or request.

import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { FarmStatus, WorkerCounts, WorkerState, WorkerStatus } from "../farm-status.js";
import { FULL_WEIGHT } from "../memory/load-board.js";
import type { WorkerCounterName } from "../memory/worker-counters.js";
import type { FarmControl } from "./farm-control.js";

interface Sample {
  readonly status: FarmStatus;
  readonly counts: ReadonlyMap<number, WorkerCounts>;
}

/** Values in the order of the metric's labels, and the figure. */
type Series = readonly (readonly [...labels: (string | number)[], value: number])[];

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly read: (sample: Sample) => Series;
}

const STATES: readonly WorkerState[] = ["absent", "starting", "serving", "draining"];

/** A gauge with one series a worker. */
function byWorker(name: string, help: string, read: (worker: WorkerStatus) => number): Metric {
  return {
    name,
    help,
    labels: ["worker"],
    read: ({ status }) => status.workers.map((worker) => [worker.worker, read(worker)]),
  };
}

/** A counter of `WorkerCounts`, one series a worker. */
function counted(name: string, counter: WorkerCounterName, help: string): Metric {
  return {
    name,
    help,
    labels: ["worker"],
    read: ({ counts }) => [...counts].map(([worker, of]) => [worker, of[counter]]),
  };
}

/** Several counters of `WorkerCounts` under one name, told apart by `label`. */
function countedBy(
  name: string,
  label: string,
  counters: Readonly<Record<string, WorkerCounterName>>,
  help: string,
): Metric {
  return {
    name,
    help,
    labels: ["worker", label],
    read: ({ counts }) =>
      [...counts].flatMap(([worker, of]) =>
        Object.entries(counters).map(([value, counter]) => [worker, value, of[counter]] as const),
      ),
  };
}

const GAUGES: readonly Metric[] = [
  {
    name: "limpet_build_info",
    help: "Always 1; the label tells limpet's version.",
    labels: ["version"],
    read: ({ status }) => [[status.version, 1]],
  },
  {
    name: "limpet_uptime_seconds",
    help: "Seconds since the farm listens.",
    read: ({ status }) => [[status.uptimeSeconds]],
  },
  {
    name: "limpet_ready",
    help: "1 while the farm serves, 0 while it drains or no worker serves.",
    read: ({ status }) => [[Number(status.isReady)]],
  },
  {
    name: "limpet_target_workers",
    help: "How many workers there should be.",
    read: ({ status }) => [[status.targetWorkers]],
  },
  { name: "limpet_flows", help: "Flows that have not ended.", read: ({ status }) => [[status.flows]] },
  {
    name: "limpet_sources",
    help: "Sources that are pinned to a worker.",
    read: ({ status }) => [[status.sources]],
  },
  {
    name: "limpet_flow_table_entries",
    help: "Entries that the flow table has room for, flows and sources together.",
    read: ({ status }) => [[status.flowEntries]],
  },
  {
    name: "limpet_pool_slots",
    help: "Slots of the packet pool.",
    read: ({ status }) => [[status.poolSlots]],
  },
  {
    name: "limpet_pool_free_slots",
    help: "Slots of the packet pool that hold no packet.",
    read: ({ status }) => [[status.freeSlots]],
  },
  {
    name: "limpet_pool_large_slots",
    help: "Slots of the packet pool for long packets, not counted among the others.",
    read: ({ status }) => [[status.largeSlots]],
  },
  {
    name: "limpet_pool_free_large_slots",
    help: "Slots of the packet pool for long packets that hold none.",
    read: ({ status }) => [[status.freeLargeSlots]],
  },
  {
    name: "limpet_storage_serving",
    help: "1 while the storage thread serves.",
    read: ({ status }) => [[Number(status.storage.isServing)]],
  },
  {
    name: "limpet_worker_state",
    help: "1 for the state that the worker is in, 0 for the others.",
    labels: ["worker", "state"],
    read: ({ status }) =>
      status.workers.flatMap(({ worker, state }) =>
        STATES.map((one) => [worker, one, Number(one === state)] as const),
      ),
  },
  byWorker(
    "limpet_worker_weight",
    "Share of new sources that the worker takes; 1 is a full one.",
    ({ weight }) => weight / FULL_WEIGHT,
  ),
  byWorker("limpet_worker_flows", "Flows that the worker holds.", ({ flows }) => flows),
  byWorker("limpet_worker_sources", "Sources that are pinned to the worker.", ({ sources }) => sources),
  byWorker(
    "http_requests_in_flight",
    "Requests that wait for the app or the database.",
    ({ inFlight }) => inFlight,
  ),
  byWorker("http_connections", "Connections that are open.", ({ connections }) => connections),
];

const COUNTERS: readonly Metric[] = [
  {
    name: "limpet_packets_total",
    help: "Packets by what became of them.",
    labels: ["verdict"],
    read: ({ status }) => Object.entries(status.verdicts),
  },
  {
    name: "limpet_link_drops_total",
    help: "What links dropped as too long (oversize) or beyond their limits (no_room), and times that they waited for a slot (no_slot).",
    labels: ["cause"],
    read: ({ status: { drops } }) => [
      ["oversize", drops.oversize],
      ["no_slot", drops.noSlot],
      ["no_room", drops.noRoom],
    ],
  },
  {
    name: "limpet_faults_total",
    help: "What was done to packets on purpose, as the option fault says, those of workers among them.",
    labels: ["direction", "fault"],
    read: ({ status }) =>
      Object.entries(status.faults ?? {}).flatMap(([direction, counts]) =>
        Object.entries(counts).map(([fault, count]) => [direction, fault, count] as const),
      ),
  },
  {
    name: "limpet_flow_events_total",
    help: "How flows and sources began and ended.",
    labels: ["event"],
    read: ({ status }) => Object.entries(status.flowCounters),
  },
  {
    name: "limpet_reassembly_events_total",
    help: "What became of packets that came in fragments.",
    labels: ["event"],
    read: ({ status }) => Object.entries(status.reassemblyCounters),
  },
  {
    name: "limpet_storage_restarts_total",
    help: "Storage threads that were started after the first.",
    read: ({ status }) => [[status.storage.restarts]],
  },
  byWorker("limpet_worker_failures_total", "Threads of the worker that failed.", ({ failures }) => failures),
  counted("http_requests_total", "requests", "Requests given to the app."),
  countedBy(
    "http_responses_total",
    "class",
    {
      "1xx": "responses_1xx",
      "2xx": "responses_2xx",
      "3xx": "responses_3xx",
      "4xx": "responses_4xx",
      "5xx": "responses_5xx",
    },
    "Responses by class of their status, those of the server itself among them.",
  ),
  counted("http_refusals_total", "refusals", "Requests that the server refused without the app."),
  counted("http_connections_opened_total", "connections_opened", "Connections that were opened."),
  counted(
    "http_connections_displaced_total",
    "connections_displaced",
    "Connections ended because there were too many that were idle, or owed a request.",
  ),
  countedBy(
    "http_connection_timeouts_total",
    "cause",
    { idle: "idle_timeouts", abort: "abort_timeouts" },
    "Connections closed because no request came (idle), or aborted because the peer took or closed nothing (abort).",
  ),
  countedBy(
    "limpet_datagrams_total",
    "direction",
    { received: "datagrams_received", sent: "datagrams_answered" },
    "Datagrams of the datagram service.",
  ),
  countedBy(
    "limpet_tcp_segments_total",
    "direction",
    { received: "tcp_segments_received", sent: "tcp_segments_sent" },
    "TCP segments of the workers' own connections.",
  ),
  counted(
    "limpet_tcp_segments_retransmitted_total",
    "tcp_segments_retransmitted",
    "TCP segments sent again.",
  ),
  counted("limpet_tcp_resets_sent_total", "tcp_resets_sent", "TCP resets sent."),
  countedBy(
    "limpet_tcp_syn_cookies_total",
    "event",
    {
      sent: "tcp_syn_cookies_sent",
      accepted: "tcp_syn_cookies_accepted",
      rejected: "tcp_syn_cookies_rejected",
    },
    "SYN cookies sent, connections that one has opened (accepted), and ACKs that were of none (rejected).",
  ),
  counted("limpet_tcp_icmp_errors_total", "tcp_icmp_errors", "ICMP errors about a segment under way."),
  counted(
    "limpet_tcp_path_mtu_lowered_total",
    "tcp_path_mtu_lowered",
    "Times that a connection's segments had to become smaller for the path.",
  ),
  counted("limpet_sessions_started_total", "sessions_started", "Sessions started."),
  counted("limpet_sessions_forged_total", "sessions_forged", "Session IDs that this farm did not issue."),
  counted(
    "limpet_session_cache_hits_total",
    "session_cache_hits",
    "Cached sessions that were found up to date.",
  ),
  counted(
    "limpet_session_cache_misses_total",
    "session_cache_misses",
    "Sessions that were not in the cache.",
  ),
  counted(
    "limpet_session_cache_stale_total",
    "session_cache_stale",
    "Cached sessions that were in an old version.",
  ),
  counted("limpet_session_loads_total", "session_loads", "Sessions loaded from the database."),
  counted("limpet_session_commits_total", "session_commits", "Session changes committed."),
  counted(
    "limpet_session_conflicts_total",
    "session_conflicts",
    "Session changes refused for another one's sake.",
  ),
];

export class Metrics {
  readonly #farm: FarmControl;
  readonly #registry = new Registry();
  #sample: Sample;

  constructor(farm: FarmControl) {
    this.#farm = farm;
    this.#sample = this.#look();
    collectDefaultMetrics({ register: this.#registry });
    for (const metric of GAUGES) this.#addGauge(metric);
    for (const metric of COUNTERS) this.#addCounter(metric);
  }

  /** Media type of the text. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics, as of now. */
  text(): Promise<string> {
    this.#sample = this.#look();
    return this.#registry.metrics();
  }

  #look(): Sample {
    return { status: this.#farm.status(), counts: this.#farm.workerCounts() };
  }

  #addGauge({ name, help, labels = [], read }: Metric): void {
    const sample = () => this.#sample;
    new Gauge({
      name,
      help,
      labelNames: labels,
      registers: [this.#registry],
      collect() {
        // Workers that are gone have no series any more.
        this.reset();
        for (const { values, value } of seriesOf(read(sample()), labels)) this.set(values, value);
      },
    });
  }

  /** The farm counts itself, so that the counter is made anew from the figure at every look. */
  #addCounter({ name, help, labels = [], read }: Metric): void {
    const sample = () => this.#sample;
    new Counter({
      name,
      help,
      labelNames: labels,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const { values, value } of seriesOf(read(sample()), labels)) this.inc(values, value);
      },
    });
  }
}

function* seriesOf(
  series: Series,
  labels: readonly string[],
): Generator<{ values: Record<string, string>; value: number }> {
  for (const row of series) {
    const values = Object.fromEntries(labels.map((label, i) => [label, String(row[i])]));
    yield { values, value: Number(row[labels.length]) };
  }
}
