// `limpet serve`: runs a farm until it is told to stop.

import { Command } from "commander";
import { pino } from "pino";
import { POLICIES } from "../director/policies.js";
import { createFarm, type Farm, type FarmOptions, version } from "../farm.js";
import { LOG_LEVELS } from "../options.js";

/** Text that is a number becomes one; everything else is for the options' own check to refuse by name. */
function number(text: string): number | string {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

export function serveCommand(): Command {
  return new Command("serve")
    .description(
      "Open a TUN device and serve an app (a shop, if none is given) to whoever sends packets to it.",
    )
    .option("--app <file>", "module of the app (default: the shop that limpet brings along)")
    .option(
      "--workers <n>",
      "worker threads: auto or 1 to 64 (default: auto, the cores less one, at least 2)",
      number,
    )
    .option("--device <name>", "name of the TUN device (default: limpet0)")
    .option("--address <prefix>", "IPv4 address and prefix, or none (default: 198.18.0.1/24)")
    .option("--address6 <prefix>", "IPv6 address and prefix, or none (default: fd98:18::1/64)")
    .option("--port <n>", "TCP port of HTTP, UDP port of the datagram service (default: 80)", number)
    .option("--mtu-bytes <n>", "largest packet in bytes, 1280 to 1500 (default: 1500)", number)
    .option("--database <file>", "SQLite file of the sessions, or :memory: (default: limpet.db)")
    .option(
      "--durability <level>",
      "full (survives the power) or normal (survives the process) (default: full)",
    )
    .option("--cache-mib <n>", "session cache of each worker in MiB (default: 64)", number)
    .option(
      "--affinity-seconds <n>",
      "how long a source stays with its worker after its last flow (default: 300)",
      number,
    )
    .option("--affinity-prefix <bits>", "bits of an IPv4 address that make a source (default: 32)", number)
    .option("--affinity-prefix6 <bits>", "bits of an IPv6 address that make a source (default: 64)", number)
    .option("--policy <name>", `${Object.keys(POLICIES).join(", ")} (default: least-loaded)`)
    .option("--flow-entries <n>", "entries of the flow table, a power of two (default: 262144)", number)
    .option("--pool-slots <n>", "slots of the packet pool (default: 8192)", number)
    .option("--seed <n>", "seed of the flow hash, for runs that repeat exactly (default: random)", number)
    .option("--cookie-secure", "send the session cookie over TLS only")
    .option("--log-level <level>", `${LOG_LEVELS.join(", ")} (default: info)`)
    .addHelpText(
      "after",
      `
Examples:
  limpet serve                                    the shop, at http://198.18.0.1/
  limpet serve --app ./app.js --workers 4
  limpet serve --address 10.20.0.1/16 --port 8080 --database /var/lib/limpet/farm.db

A TUN device needs the CAP_NET_ADMIN capability. The secret that signs session IDs is kept beside the database, or
taken from the environment variable LIMPET_SECRET.`,
    )
    .action(serve);
}

async function serve(flags: FarmOptions): Promise<void> {
  const secret = process.env.LIMPET_SECRET;
  const options = secret === undefined ? flags : { ...flags, secret };
  const started = performance.now();
  let stop = (_signal: string): void => {};
  const log = pino(
    { level: flags.logLevel ?? "info", base: null },
    pino.destination({ dest: 2, sync: true }),
  );
  const farm = createFarm(options, {
    onWarning: (message) => log.warn(message),
    onWorkerFailed: (worker, error) => {
      log.error({ worker, err: error }, "a worker ended; its clients go to the others");
      if (!farm.status().workers.some(({ isServing }) => isServing)) stop("no worker left");
    },
  });
  // From here on a signal ends the farm in an orderly way, even while it starts.
  const stopped = new Promise<string>((resolve) => {
    stop = resolve;
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve(signal));
  });
  await farm.listen();
  announce(farm, performance.now() - started);
  const reason = await stopped;
  await farm.close();
  process.stdout.write(`limpet: stopped (${reason})\n`);
  process.exit(reason === "no worker left" ? 1 : 0);
}

function announce(farm: Farm, tookMs: number): void {
  const { settings } = farm;
  const lines = [
    `limpet ${version} serves ${settings.appUrl.replace(/^file:\/\//, "")}`,
    ...farm.urls.map((url) => `  open     ${url}`),
    ...farm.links.map((link) => `  link     ${link}`),
    `  workers  ${settings.workers}, policy ${settings.policy}`,
    `  database ${settings.database}, durability ${settings.durability}`,
    `ready after ${Math.round(tookMs)} ms; Ctrl-C ends it`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
