// New connections at a steady rate, one request each, from one source address or from many: what `Connection: close` clients
// do. They begin on time however late the answers are, so that a server that stalls is seen to; but for those that have to wait
// because there may be no more at once.

import { connect } from "node:net";

export interface ShortConnections {
  readonly host: string;
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
  /** Connections that there may be at a time. */
  readonly atOnce: number;
  /** The address that connection `n` comes from; without, the kernel's choice. */
  readonly sourceOf?: (n: number) => string;
}

export interface ShortConnectionsResult {
  readonly connections: number;
  /** Those that were not answered with 200: errors, ends before the answer, and what was not over in time. */
  readonly failures: number;
  /** Until connected, and until the answer was there. */
  readonly connectMaxUs: number;
  readonly answerP99Us: number;
}

/** Between two looks at the clock; what has become due meanwhile begins at once. */
const TICK_MS = 5;
/** How long a connection may take. */
const TIMEOUT_MS = 10_000;

/** Resolves when the last connection is over. */
export async function runShortConnections(load: ShortConnections): Promise<ShortConnectionsResult> {
  const { perSecond, seconds, atOnce } = load;
  const all: Promise<Outcome>[] = [];
  let open = 0;
  const startMs = performance.now();
  for (let elapsedMs = 0; elapsedMs < seconds * 1000; elapsedMs = performance.now() - startMs) {
    const due = Math.floor((elapsedMs * perSecond) / 1000);
    while (all.length < due && open < atOnce) {
      open++;
      all.push(ask(load, all.length).finally(() => open--));
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  const outcomes = await Promise.all(all);
  const connected = sorted(outcomes.map(({ connectedUs }) => connectedUs));
  const answered = sorted(outcomes.map(({ answeredUs }) => answeredUs));
  return {
    connections: outcomes.length,
    failures: outcomes.length - answered.length,
    connectMaxUs: at(connected, 1),
    answerP99Us: at(answered, 0.99),
  };
}

interface Outcome {
  /** Undefined: never. */
  readonly connectedUs: number | undefined;
  readonly answeredUs: number | undefined;
}

function ask({ host, port, sourceOf }: ShortConnections, n: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const startMs = performance.now();
    let connectedUs: number | undefined;
    let answer = "";
    const socket = connect({ host, port, ...(sourceOf && { localAddress: sourceOf(n) }) });
    const usSinceStart = () => (performance.now() - startMs) * 1000;
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy());
    socket.on("connect", () => {
      connectedUs = usSinceStart();
      socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    });
    socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
    socket.on("error", () => {});
    socket.on("close", () => {
      const isAnswered = answer.startsWith("HTTP/1.1 200 ");
      resolve({ connectedUs, answeredUs: isAnswered ? usSinceStart() : undefined });
    });
  });
}

function sorted(times: readonly (number | undefined)[]): number[] {
  return times.filter((time) => time !== undefined).sort((a, b) => a - b);
}

/** The time that this part of all took at most; NaN if there is none. */
function at(times: readonly number[], part: number): number {
  return times[Math.ceil(part * times.length) - 1] ?? Number.NaN;
}
