// New connections, one request each, from one source address or from many: what `Connection: close` clients do. Either at a steady
// rate: they begin on time however late the answers are, so that a server that stalls is seen to, but for those that have to wait
// because there may be no more at once. Or as many as the server can take: a new one begins when one is over.

import { connect } from "node:net";

export interface Target {
  readonly host: string;
  readonly port: number;
  /** The address that connection `n` comes from; without, the kernel's choice. */
  readonly sourceOf?: (n: number) => string;
}

export interface ShortConnections extends Target {
  readonly perSecond: number;
  readonly seconds: number;
  /** Connections that there may be at a time. */
  readonly atOnce: number;
}

export interface ShortConnectionsResult {
  readonly connections: number;
  /** Those that were not answered with 200: errors, ends before the answer, and what was not over in time. */
  readonly failures: number;
  /** Until connected, and until the answer was there. */
  readonly connectMaxUs: number;
  readonly answerP50Us: number;
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
  return resultOf(await Promise.all(all));
}

/** So many connections at a time, until `isOver`. Resolves when the last one is over. */
export async function runConnectionLoop(
  target: Target,
  atOnce: number,
  isOver: () => boolean,
): Promise<ShortConnectionsResult> {
  const outcomes: Outcome[] = [];
  let begun = 0;
  const loop = async () => {
    while (!isOver()) outcomes.push(await ask(target, begun++));
  };
  await Promise.all(Array.from({ length: atOnce }, loop));
  return resultOf(outcomes);
}

function resultOf(outcomes: readonly Outcome[]): ShortConnectionsResult {
  const connected = sorted(outcomes.map(({ connectedUs }) => connectedUs));
  const answered = sorted(outcomes.map(({ answeredUs }) => answeredUs));
  return {
    connections: outcomes.length,
    failures: outcomes.length - answered.length,
    connectMaxUs: at(connected, 1),
    answerP50Us: at(answered, 0.5),
    answerP99Us: at(answered, 0.99),
  };
}

interface Outcome {
  /** Undefined: never. */
  readonly connectedUs: number | undefined;
  readonly answeredUs: number | undefined;
}

function ask({ host, port, sourceOf }: Target, n: number): Promise<Outcome> {
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
