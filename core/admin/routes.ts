// What the admin interface can be asked, route by route: from a method, a path, a query and a body to an answer. Must not
// know HTTP's connections, nor who may ask (admission.ts). Everything that is asked wrongly is one sentence that says so.

import type { PolicyName } from "../director/policies.js";
import type { FlowFilter } from "../flow/flow-filter.js";
import { OptionError } from "../options.js";
import { DASHBOARD_HTML, DASHBOARD_POLICY } from "./dashboard.js";
import type { FarmControl } from "./farm-control.js";
import { FLOW_FILTER_PARAMETERS, readFlowFilter, readNumber } from "./flow-query.js";
import type { Metrics } from "./metrics.js";

export interface Call {
  readonly farm: FarmControl;
  readonly metrics: () => Metrics;
  /** The variable part of the path, if the route has one. */
  readonly part: string;
  readonly query: URLSearchParams;
  /** What the body is in JSON; undefined if there is none. */
  readonly body: unknown;
  /** Is told what fails after it was answered. */
  readonly onWarning: (message: string) => void;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  /** As people write it: one part may be a name in capitals. */
  readonly path: string;
  /** Parameters that its query may have. */
  readonly parameters: readonly string[];
  readonly answer: (call: Call) => Answer | Promise<Answer>;
}

const DEFAULT_LIMIT = 100;
/** Most entries of the flow table in one answer: about 2 MB. */
const MAX_LIMIT = 10_000;

export const ROUTES: readonly Route[] = [
  { method: "GET", path: "/", parameters: [], answer: () => page() },
  { method: "GET", path: "/healthz", parameters: [], answer: () => plain(200, "ok\n") },
  { method: "GET", path: "/readyz", parameters: [], answer: ({ farm }) => readiness(farm) },
  { method: "GET", path: "/status", parameters: [], answer: ({ farm }) => json(200, farm.status()) },
  { method: "GET", path: "/workers", parameters: [], answer: ({ farm }) => workers(200, farm) },
  { method: "POST", path: "/workers", parameters: ["wait"], answer: resize },
  {
    method: "POST",
    path: "/workers/N/drain",
    parameters: ["wait"],
    answer: (call) => change(call, {}, ({ farm, part }) => farm.drain(readNumber("worker", part))),
  },
  { method: "POST", path: "/policy", parameters: [], answer: usePolicy },
  {
    method: "POST",
    path: "/reload",
    parameters: ["wait"],
    answer: (call) => change(call, {}, ({ farm }) => farm.reload()),
  },
  { method: "GET", path: "/flows", parameters: [...FLOW_FILTER_PARAMETERS, "limit"], answer: listFlows },
  { method: "GET", path: "/flows/count", parameters: FLOW_FILTER_PARAMETERS, answer: countFlows },
  { method: "DELETE", path: "/flows", parameters: [...FLOW_FILTER_PARAMETERS, "all"], answer: removeFlows },
  { method: "GET", path: "/settings", parameters: [], answer: ({ farm }) => json(200, farm.settings()) },
  {
    method: "GET",
    path: "/metrics",
    parameters: [],
    answer: ({ metrics }) => metricsText(metrics()),
  },
];

/** The part of `path` that the route leaves open ("" if none), or undefined if it is another path. */
export function matchPath(route: Route, path: string): string | undefined {
  const pattern = route.path.split("/");
  const parts = path.split("/");
  if (parts.length !== pattern.length) return undefined;
  let open = "";
  for (const [i, part] of parts.entries()) {
    if (/^[A-Z]+$/.test(pattern[i]!)) open = part;
    else if (part !== pattern[i]) return undefined;
  }
  return open;
}

/** Throws `OptionError` for a parameter that the route does not have, or that is there twice. */
export function checkQuery(route: Route, query: URLSearchParams): void {
  for (const name of new Set(query.keys())) {
    if (!route.parameters.includes(name)) {
      const taken = route.parameters.length === 0 ? "none" : route.parameters.join(", ");
      throw new OptionError(`${route.path} has no parameter ${shown(name)}: it takes ${taken}`);
    }
    if (query.getAll(name).length > 1) throw new OptionError(`${name} is there more than once`);
  }
}

export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, type: "application/json", text: `${JSON.stringify(value)}\n`, headers };
}

function plain(status: number, text: string): Answer {
  return { status, type: "text/plain; charset=utf-8", text };
}

function page(): Answer {
  const headers = { "Content-Security-Policy": DASHBOARD_POLICY };
  return { status: 200, type: "text/html; charset=utf-8", text: DASHBOARD_HTML, headers };
}

function readiness(farm: FarmControl): Answer {
  return farm.status().isReady ? plain(200, "ready\n") : plain(503, "not ready\n");
}

async function metricsText(metrics: Metrics): Promise<Answer> {
  return { status: 200, type: metrics.contentType, text: await metrics.text() };
}

function workers(status: number, farm: FarmControl): Answer {
  const { targetWorkers, workers } = farm.status();
  const counts = farm.workerCounts();
  return json(status, {
    targetWorkers,
    workers: workers.map((one) => ({ ...one, counts: counts.get(one.worker) })),
  });
}

function resize(call: Call): Promise<Answer> {
  return change(call, { workers: undefined }, ({ farm }, { workers }) => {
    if (typeof workers === "number" || workers === "auto") return farm.resize(workers);
    throw new OptionError(`workers takes auto or a number, not ${shown(workers)}`);
  });
}

function usePolicy({ farm, body }: Call): Answer {
  const { policy } = readParts(body, { policy: undefined });
  if (typeof policy !== "string") throw new OptionError(`policy takes a name, not ${shown(policy)}`);
  // Which names there are the farm says.
  farm.usePolicy(policy as PolicyName);
  return json(200, farm.status());
}

/**
 * Starts a change and answers when it is done; with `wait=false`, when it has begun. `parts` names what the body may have.
 * What a change refuses it refuses before it begins anything, so that such a refusal is still the answer.
 */
async function change(
  call: Call,
  parts: Readonly<Record<string, unknown>>,
  start: (call: Call, parts: Readonly<Record<string, unknown>>) => Promise<void>,
): Promise<Answer> {
  const wait = call.query.get("wait") ?? "true";
  if (wait !== "true" && wait !== "false") {
    throw new OptionError(`wait takes true or false, not ${shown(wait)}`);
  }
  const done = start(call, readParts(call.body, parts));
  if (wait === "true") {
    await done;
    return workers(200, call.farm);
  }
  let isAnswered = false;
  const failed = done.catch((error: unknown) => {
    if (!isAnswered) throw error;
    call.onWarning(`what the admin interface was asked for has failed: ${messageOf(error)}`);
  });
  await Promise.race([failed, new Promise((resolve) => setImmediate(resolve))]);
  isAnswered = true;
  return workers(202, call.farm);
}

/** The parts of a JSON body; one without content has none. Throws `OptionError` for parts that are not among `parts`. */
function readParts(body: unknown, parts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  if (body === undefined) return {};
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new OptionError("the body must be a JSON object");
  }
  const unknown = Object.keys(body).find((name) => !Object.hasOwn(parts, name));
  if (unknown !== undefined) throw new OptionError(`the body has no part ${shown(unknown)}`);
  return body as Record<string, unknown>;
}

async function listFlows({ farm, query }: Call): Promise<Answer> {
  const limit = readNumber("limit", query.get("limit") ?? String(DEFAULT_LIMIT));
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new OptionError(`limit takes a whole number from 1 to ${MAX_LIMIT}, not ${limit}`);
  }
  // One more than asked for tells whether these are all.
  const entries = await farm.listFlows(readFlowFilter(query), limit + 1);
  return json(200, { entries: entries.slice(0, limit), hasMore: entries.length > limit });
}

async function countFlows({ farm, query }: Call): Promise<Answer> {
  return json(200, { count: await farm.countFlows(readFlowFilter(query)) });
}

async function removeFlows({ farm, query }: Call): Promise<Answer> {
  const all = query.get("all");
  const filter: FlowFilter = readFlowFilter(query);
  const isFiltered = Object.keys(filter).length > 0;
  if (all !== null && all !== "true") throw new OptionError(`all takes true, not ${shown(all)}`);
  if (isFiltered === (all === "true")) {
    throw new OptionError("removing flows takes either a filter, or all=true for all of them");
  }
  return json(200, { removed: await farm.removeFlows(filter) });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? "nothing").slice(0, 60);
}
