// The metrics as Prometheus reads them: a small parser of its text format, and every figure of the farm looked up in it.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Metrics } from "../../../core/admin/metrics.js";
import { VERDICTS } from "../../../core/director/verdict.js";
import { FLOW_COUNTERS } from "../../../core/flow/flow-counters.js";
import { REASSEMBLY_COUNTERS } from "../../../core/flow/fragment-fates.js";
import { WORKER_COUNTERS } from "../../../core/memory/worker-counters.js";
import { withAdmin } from "./admin-fixture.js";
import { FakeFarm } from "./fake-farm.js";

interface Parsed {
  readonly help: ReadonlyMap<string, string>;
  readonly type: ReadonlyMap<string, string>;
  /** By name and labels in the order of their names. */
  readonly series: ReadonlyMap<string, number>;
}

/** Prometheus's text format 0.0.4; anything else is an error. */
function parse(text: string): Parsed {
  const parsed = { help: new Map<string, string>(), type: new Map<string, string>(), series: new Map() };
  assert.ok(text.endsWith("\n"));
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, what, about, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (about !== undefined) {
      const map = what === "HELP" ? parsed.help : parsed.type;
      assert.not(map.has(about), `two lines ${what} ${about}`);
      map.set(about, rest!);
      continue;
    }
    const [, name, labels = "", value] =
      /^([a-z_:][a-z0-9_:]*)(?:\{((?:[a-z_]+="[^"\\\n]*",?)+)\})? (\S+)$/i.exec(line) ?? [];
    assert.ok(name, `no line of the format: ${line}`);
    const key = `${name}{${labels.split(",").sort().join(",")}}`;
    assert.not(parsed.series.has(key), `two series ${key}`);
    parsed.series.set(key, value === "Nan" ? Number.NaN : Number(value));
  }
  return parsed;
}

/** The metric that a series is of: histograms and summaries have several. */
function metricOf(key: string, { type }: Parsed): string {
  const name = key.slice(0, key.indexOf("{"));
  const base = name.replace(/_(bucket|sum|count)$/, "");
  return type.has(name) ? name : base;
}

test("metrics, all have a help and a type, and counters and only they end in _total", async () => {
  const parsed = parse(await new Metrics(new FakeFarm()).text());
  assert.ok(parsed.series.size > 150, `${parsed.series.size} series`);
  for (const key of parsed.series.keys()) {
    const metric = metricOf(key, parsed);
    assert.ok(parsed.help.has(metric), `help of ${key}`);
    assert.ok(parsed.type.has(metric), `type of ${key}`);
  }
  for (const [metric, type] of parsed.type) {
    if (!/^(limpet|http)_/.test(metric)) continue;
    assert.is(metric.endsWith("_total"), type === "counter", `${metric} is a ${type}`);
    assert.match(metric, /^[a-z_]+$/);
    assert.not.match(metric, /_(ms|milliseconds|kib|mib|percent)(_|$)/, "base units");
    assert.match(parsed.help.get(metric)!, /^[A-Z0-9].*\.$/, "a sentence");
  }
});

test("metrics, of the process and its event loop, are among them", async () => {
  const { series } = parse(await new Metrics(new FakeFarm()).text());
  assert.ok(series.get("process_cpu_seconds_total{}")! > 0);
  assert.ok(series.get("process_resident_memory_bytes{}")! > 1e6);
  assert.ok([...series.keys()].some((key) => key.startsWith("nodejs_eventloop_lag_")));
});

test("metrics, of the farm, are its own figures", async () => {
  const farm = new FakeFarm();
  farm.current.drops = { oversize: 1, noSlot: 2, noRoom: 3 };
  const { series } = parse(await new Metrics(farm).text());
  const expected: Record<string, number> = {
    'limpet_build_info{version="1.2.3"}': 1,
    "limpet_uptime_seconds{}": 100,
    "limpet_ready{}": 1,
    "limpet_target_workers{}": 2,
    "limpet_flows{}": 21,
    "limpet_sources{}": 41,
    "limpet_flow_table_entries{}": 1024,
    "limpet_pool_slots{}": 256,
    "limpet_pool_free_slots{}": 200,
    "limpet_pool_large_slots{}": 16,
    "limpet_pool_free_large_slots{}": 12,
    'limpet_link_drops_total{cause="oversize"}': 1,
    'limpet_link_drops_total{cause="no_slot"}': 2,
    'limpet_link_drops_total{cause="no_room"}': 3,
    "limpet_storage_serving{}": 1,
    "limpet_storage_restarts_total{}": 3,
    'limpet_worker_flows{worker="1"}': 11,
    'limpet_worker_sources{worker="1"}': 21,
    'limpet_worker_weight{worker="1"}': 1,
    'limpet_worker_failures_total{worker="1"}': 1,
    'limpet_worker_failures_total{worker="0"}': 0,
    'http_requests_in_flight{worker="0"}': 30,
    'http_connections{worker="0"}': 40,
    'limpet_worker_state{state="serving",worker="0"}': 1,
    'limpet_worker_state{state="draining",worker="0"}': 0,
    'limpet_worker_state{state="starting",worker="0"}': 0,
    'limpet_worker_state{state="absent",worker="0"}': 0,
  };
  for (const [key, value] of Object.entries(expected)) assert.is(series.get(key), value, key);
  for (const [i, verdict] of VERDICTS.entries())
    assert.is(series.get(`limpet_packets_total{verdict="${verdict}"}`), 500 + i);
  for (const [i, event] of FLOW_COUNTERS.entries())
    assert.is(series.get(`limpet_flow_events_total{event="${event}"}`), 700 + i);
  for (const [i, event] of REASSEMBLY_COUNTERS.entries())
    assert.is(series.get(`limpet_reassembly_events_total{event="${event}"}`), 800 + i);
});

test("metrics, of faults on purpose, are there by direction and kind while there are any", async () => {
  const farm = new FakeFarm();
  const metrics = new Metrics(farm);
  const isOfFaults = (key: string) => key.startsWith("limpet_faults_total");
  assert.not([...parse(await metrics.text()).series.keys()].some(isOfFaults));
  const received = { dropped: 1, duplicated: 2, corrupted: 3, reordered: 4, overflowed: 5 };
  farm.current.faults = { received, sent: { ...received, dropped: 6 } };
  const { series } = parse(await metrics.text());
  assert.is([...series.keys()].filter(isOfFaults).length, 10);
  assert.is(series.get('limpet_faults_total{direction="received",fault="dropped"}'), 1);
  assert.is(series.get('limpet_faults_total{direction="sent",fault="dropped"}'), 6);
});

test("metrics, have each worker counter's value under one name, or in a sum of the farm's, for every worker", async () => {
  const { series } = parse(await new Metrics(new FakeFarm()).text());
  const expected = {
    "http_requests_total{worker=": "requests",
    'http_responses_total{class="2xx",worker=': "responses_2xx",
    'http_responses_total{class="5xx",worker=': "responses_5xx",
    'http_connection_timeouts_total{cause="abort",worker=': "abort_timeouts",
    'limpet_tcp_segments_total{direction="received",worker=': "tcp_segments_received",
    'limpet_tcp_segments_total{direction="sent",worker=': "tcp_segments_sent",
    "limpet_session_commits_total{worker=": "session_commits",
  } as const;
  for (const [key, counter] of Object.entries(expected)) {
    const index = WORKER_COUNTERS.indexOf(counter);
    assert.is(series.get(`${key}"0"}`), 10_000 + index, key);
    assert.is(series.get(`${key}"1"}`), 20_000 + index, key);
  }
  // The fake's counters are all different: each must be there, and once. What was done on purpose to packets that workers sent is
  // part of the farm's own figure.
  const ours = [...series].filter(([key]) => /^(limpet|http)_/.test(key)).map(([, value]) => value);
  for (const first of [10_000, 20_000]) {
    for (const [i, counter] of WORKER_COUNTERS.entries()) {
      const found = ours.filter((value) => value === first + i);
      assert.is(found.length, counter.startsWith("faults_") ? 0 : 1, `${counter} from ${first}`);
    }
  }
});

test("metrics, looked at again, are the new figures and not the sum; a worker that is gone is too", async () => {
  const farm = new FakeFarm();
  const metrics = new Metrics(farm);
  const before = parse(await metrics.text());
  farm.current.flows = 5;
  farm.current.verdicts = { ...farm.current.verdicts, "flow-hit": 9000 };
  farm.current.workers = farm.current.workers.slice(0, 1);
  const after = parse(await metrics.text());
  assert.is(after.series.get("limpet_flows{}"), 5);
  assert.is(after.series.get('limpet_packets_total{verdict="flow-hit"}'), 9000);
  assert.is(after.series.get("limpet_storage_restarts_total{}"), 3);
  assert.is(after.series.get('http_requests_total{worker="0"}'), 10_000);
  assert.ok(before.series.has('limpet_worker_state{state="serving",worker="1"}'));
  assert.not([...after.series.keys()].some((key) => /^limpet_worker_(state|flows).*worker="1"/.test(key)));
  assert.ok(after.series.has('http_requests_total{worker="1"}'), "what it counted stays counted");
});

test("metrics, asked for twice at once, are whole both times", async () => {
  const farm = new FakeFarm();
  const metrics = new Metrics(farm);
  const first = metrics.text();
  farm.current.flows = 99;
  const second = metrics.text();
  assert.is(parse(await first).series.get("limpet_flows{}"), 21);
  assert.is(parse(await second).series.get("limpet_flows{}"), 99);
});

test("metrics, over HTTP, have the format's media type", () =>
  withAdmin(async ({ ask }) => {
    const { status, headers, text } = await ask("/metrics");
    assert.is(status, 200);
    assert.match(headers["content-type"] as string, /^text\/plain; version=0\.0\.4; charset=utf-8$/);
    assert.is(parse(text).series.get("limpet_flows{}"), 21);
  }));

test.run();
