// The piscina task: one worker thread is one server, for as long as the farm wants it. Puts the server's parts together
// and decides when the thread works, when it lets its event loop run, and how it sleeps.

import { setImmediate as nextEventLoopTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import type { Egress, PacketEgressPlan } from "../core/link/egress.js";
import { FaultyEgress } from "../core/link/faulty-egress.js";
import { RingEgress } from "../core/link/ring-egress.js";
import { BOARD_COMMAND, COMMAND_DRAIN, COMMAND_STOP, LoadBoard } from "../core/memory/load-board.js";
import { PacketPool } from "../core/memory/packet-pool.js";
import { processMs } from "../core/memory/process-clock.js";
import { RingConsumer, RingProducer, wakeConsumer } from "../core/memory/ring.js";
import { SessionDirectory } from "../core/memory/session-directory.js";
import { SessionLocks } from "../core/memory/session-locks.js";
import { SigningSecrets } from "../core/memory/signing-secrets.js";
import { TransmitProducer } from "../core/memory/transmit-ring.js";
import { AccessLog } from "./access-log.js";
import type { App } from "./app/app.js";
import { loadApp } from "./app/app-loader.js";
import { Application } from "./app/application.js";
import { DatagramServer } from "./datagram/datagram-server.js";
import { HTTP_DEFAULTS } from "./http/options.js";
import { HttpServer } from "./http/server.js";
import { Relay } from "./relay/relay.js";
import { Server } from "./server.js";
import { Sessions } from "./session/sessions.js";
import { StorageClient } from "./session/storage-client.js";
import { TcpStack } from "./tcp/tcp-stack.js";
import { createCountsPublisher } from "./worker-counts.js";
import type { FromWorker, ToWorker, WorkerOptions } from "./worker-options.js";

/** A worker that has just had packets blocks its thread, which wakes fastest; but only for so long, in ms. */
const BLOCKING_SLEEP_MS = 1;
/** Blocking sleeps in a row without a packet before the thread sleeps in its event loop, which costs nothing when idle. */
const BLOCKING_SLEEPS = 8;
/** The event loop (timers and messages of the app) gets its turn at least this often, in ms. */
const EVENT_LOOP_INTERVAL_MS = 10;

/** Runs until the load board says stop. Rejects if the app cannot be loaded or set up. */
export default async function run(options: WorkerOptions): Promise<void> {
  const { worker } = options;
  const log = pino({ level: options.logLevel, base: { worker } }, pino.destination({ dest: 2, sync: true }));
  const app = await loadApp(options.appUrl);
  const storage = new StorageClient(options.storagePort);
  const pool = new PacketPool(options.pool);
  const loadBoard = new LoadBoard(options.loadBoard);
  const descriptors = new RingConsumer(options.rings.descriptors);
  const transmit = new TransmitProducer(options.rings.transmit);
  const now = clockSince(options.tcp.clockStartMs);
  // Links that carry packets come first, so that their places here are their numbers.
  const egresses = await Promise.all(
    options.egressPlans
      .filter((plan) => plan.kind !== "relay")
      .map((plan, link) => createEgress(plan, link, worker, transmit, now)),
  );
  const faulty = egresses.filter((egress) => egress instanceof FaultyEgress);

  const sessions = new Sessions({
    ...options.sessions,
    secrets: new SigningSecrets(options.secrets),
    storage,
    directory: new SessionDirectory(options.directory),
    locks: new SessionLocks(options.sessionLocks, worker, now),
  });
  const application = new Application({
    app,
    sessions,
    storage,
    worker,
    cookie: options.cookie,
    logFault: (fault) => log.error({ ...fault, err: fault.error, error: undefined }, "the app failed"),
  });
  const accessLog =
    options.accessLog === undefined
      ? undefined
      : AccessLog.open(options.accessLog, worker, (err) =>
          log.error({ err }, "the access log cannot be written"),
        );
  const respond = accessLog === undefined ? application.respond : accessLog.around(application.respond);
  const http = new HttpServer(HTTP_DEFAULTS, respond, Date.now, application.planBody);
  const wake = () => {
    if (!server.isInTurn) wakeConsumer(options.rings.descriptors);
  };
  const tcp = new TcpStack({
    egresses,
    user: http,
    listenPorts: [options.port],
    congestion: options.congestion,
    limits: { keepAliveIdleMs: options.tcpKeepAliveMs },
    nowMs: now(),
    secret: options.tcp.secret,
    cookiePeriod: options.tcp.cookiePeriod,
    flowEnded: (flow, generation, wasConnection) => server.flowEnded(flow, generation, wasConnection),
    outputDue: wake,
  });
  const relays = options.egressPlans.map((plan, link) =>
    plan.kind === "relay" ? new Relay({ link, transmit, user: http, outputDue: wake }) : undefined,
  );
  const { call } = application;
  const datagrams = new DatagramServer({ app, worker, call, egresses, transmit, outputDue: wake });
  const publishCounts = createCountsPublisher(options.counters, { http, datagrams, tcp, sessions, faulty });
  const server: Server = new Server({
    worker,
    pool,
    descriptors,
    returns: new RingProducer(options.rings.returns),
    transmit,
    loadBoard,
    tcp,
    http,
    datagrams,
    relays,
    faulty,
    housekeep: () => {
      sessions.turns.sweep();
      publishCounts();
    },
  });

  const { controlPort } = options;
  // Before the app is set up: a storage that is replaced meanwhile waits until the old port is let go.
  controlPort.on("message", (message: ToWorker) => storage.use(message.port));
  await setUp(app, options, application);
  controlPort.postMessage({ type: "ready" } satisfies FromWorker);
  try {
    await serve(server, descriptors, () => loadBoard.get(worker, BOARD_COMMAND), now);
  } finally {
    server.close(now());
    await app.teardown?.();
    storage.close();
    controlPort.close();
    accessLog?.close();
  }
}

async function setUp(app: App, { worker, appUrl }: WorkerOptions, application: Application): Promise<void> {
  try {
    await app.setup?.({ worker, call: application.call });
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new Error(`The app ${fileURLToPath(appUrl)} could not be set up: ${cause.split("\n")[0]}`, {
      cause: error,
    });
  }
}

async function createEgress(
  plan: PacketEgressPlan,
  link: number,
  worker: number,
  transmit: TransmitProducer,
  now: () => number,
): Promise<Egress> {
  if (plan.kind === "ring") return new RingEgress(transmit, link, plan.mtuBytes);
  // Loaded where there is a device only: it calls functions that other systems do not have.
  const { TunEgress } = await import("../core/link/tun-egress.js");
  const egress = new TunEgress(plan.fileDescriptor, plan.mtuBytes);
  return plan.faults === undefined ? egress : new FaultyEgress(egress, plan.faults, worker, now);
}

/** A clock in ms that all workers have in common, finer than `processMs`. */
function clockSince(startMs: number): () => number {
  const offsetMs = processMs() - startMs - performance.now();
  return () => performance.now() + offsetMs;
}

/**
 * Turn after turn. With packets: at once again. Without: asleep until the director, a timer or the event loop has
 * something. A blocked thread wakes several times faster than an event loop does, but while something is in flight, a
 * promise of the app or the database, only the event loop can bring the answer.
 */
async function serve(
  server: Server,
  descriptors: RingConsumer,
  command: () => number,
  now: () => number,
): Promise<void> {
  let blockingSleeps = 0;
  let eventLoopMs = now();
  for (let due = command(); due !== COMMAND_STOP; due = command()) {
    if (due === COMMAND_DRAIN) server.drain();
    const nowMs = now();
    const packets = server.turn(nowMs);
    if (server.inFlight > 0 || nowMs - eventLoopMs >= EVENT_LOOP_INTERVAL_MS) {
      await nextEventLoopTurn();
      eventLoopMs = now();
    }
    if (packets > 0) {
      blockingSleeps = 0;
      continue;
    }
    if (!descriptors.prepareToSleep()) continue;
    const sleepMs = Math.max(0, server.nextDeadlineMs() - now());
    if (server.inFlight === 0 && blockingSleeps < BLOCKING_SLEEPS) {
      blockingSleeps++;
      descriptors.sleepBlocking(Math.min(sleepMs, BLOCKING_SLEEP_MS));
    } else {
      await descriptors.sleep(sleepMs);
      eventLoopMs = now();
    }
  }
}
