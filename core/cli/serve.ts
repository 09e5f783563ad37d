// `limpet serve`: runs a farm until it is told to stop.

import { Command } from "commander";
import { type Logger, pino } from "pino";
import { createFarm, type Farm, version } from "../farm.js";
import { DEFAULT_SHOPPERS, Demo, demoOptions, shoppersIn } from "./demo.js";
import { addFarmFlags, gatherOptions } from "./option-flags.js";

export function serveCommand(): Command {
  const command = new Command("serve").description(
    "Serve an app (a shop, if none is given): over sockets always, and over a TUN device where it may be opened.",
  );
  addFarmFlags(command);
  return command
    .option(
      "--demo [shoppers]",
      `have shoppers in the shop, for something to see in "limpet top" and on the dashboard (default: ${DEFAULT_SHOPPERS})`,
    )
    .addHelpText(
      "after",
      `
Examples:
  limpet serve                                    the shop, at http://127.0.0.1:8080/
  limpet serve --demo                             the shop, and people in it
  limpet serve --app ./app.js --workers 4
  limpet serve --socket 0.0.0.0:80 --tun off --database /var/lib/limpet/farm.db
  limpet serve --config limpet.toml

Signals: SIGTERM or Ctrl-C lets connections finish (for --drain-seconds) and ends; a second one ends at once.
SIGHUP reads the app's files anew, and the secrets kept beside the database, and replaces the workers one by one.`,
    )
    .action(() => serve(command));
}

async function serve(command: Command): Promise<void> {
  const { options, unknownVariables } = gatherOptions(command.opts(), process.env);
  const shoppers = shoppersIn(command.opts<{ readonly demo?: string | true }>().demo);
  const started = performance.now();
  const farm = createFarm(shoppers === undefined ? options : demoOptions(options));
  const level = String(farm.settings().logLevel);
  const log = pino({ level, base: null }, pino.destination({ dest: 2, sync: true }));
  report(farm, log);
  // From here on a signal ends the farm in an orderly way, even while it starts.
  let demo: Demo | undefined;
  const { stopped, isStopping } = stopOnSignals(farm, async () => {
    const summary = await demo?.stop();
    if (summary !== undefined) process.stdout.write(`limpet: demo: ${summary}\n`);
  });
  try {
    await farm.listen();
  } catch (error) {
    // Who is told to stop while starting has not failed.
    if (!isStopping()) throw error;
    process.stdout.write(`limpet: stopped (${await stopped})\n`);
    process.exit(0);
  }
  process.on("SIGHUP", () => reload(farm, log));
  if (shoppers !== undefined) demo = new Demo(demoUrlOf(farm), shoppers, (message) => log.warn(message));
  announce(farm, performance.now() - started, await demo?.started);
  for (const name of unknownVariables) log.warn(`the environment has ${name}, which is no option of limpet`);
  const signal = await stopped;
  process.stdout.write(`limpet: stopped (${signal})\n`);
  process.exit(0);
}

/** Logs what the farm tells. */
function report(farm: Farm, log: Logger): void {
  farm.on("warning", (message) => log.warn(message));
  farm.on("workerServing", (worker) => log.debug({ worker }, "a worker serves"));
  farm.on("workerGone", (worker) => log.info({ worker }, "a worker has left"));
  farm.on("workerFailed", (worker, error, retryMs) =>
    log.error({ worker, err: error, retryMs }, "a worker failed; its clients go to the others"),
  );
}

/** Where people come in from many addresses: over sockets, where there are some. They are the last of the farm's URLs. */
function demoUrlOf(farm: Farm): string {
  return farm.urls.at(farm.settings().socket === "none" ? 0 : -1)!;
}

/**
 * Resolves when the farm has ended: drained after the first signal, once `leave` has resolved, at once after a second one. A third
 * ends the process.
 */
function stopOnSignals(
  farm: Farm,
  leave: () => Promise<void>,
): { stopped: Promise<string>; isStopping: () => boolean } {
  let signals = 0;
  const stopped = new Promise<string>((resolve) => {
    const stop = (signal: string) => {
      signals++;
      if (signals === 1) {
        process.stdout.write(`limpet: ${signal}: connections may finish; again to end at once\n`);
        void leave()
          .then(() => farm.drain())
          .catch(() => {})
          .then(() => farm.close())
          .then(() => resolve(signal));
      } else if (signals === 2) {
        process.stdout.write(`limpet: ${signal} again: ends at once\n`);
        void farm.close().then(() => resolve(signal));
      } else {
        process.exit(1);
      }
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
  });
  return { stopped, isStopping: () => signals > 0 };
}

function reload(farm: Farm, log: Logger): void {
  log.info("SIGHUP: the app's files are read anew");
  farm.reload().then(
    () => log.info("all workers are new"),
    (error: unknown) => log.error({ err: error }, "the app cannot be loaded anew; the old one goes on"),
  );
}

function announce(farm: Farm, tookMs: number, demo: string | undefined): void {
  const settings = farm.settings();
  const links = farm.links.map((link) => `  link     ${link}`);
  if (farm.absentTun !== undefined) links.push(`  no TUN   ${farm.absentTun}`);
  const lines = [
    `limpet ${version} serves ${settings.app}`,
    ...farm.urls.map((url) => `  open     ${url}`),
    ...links,
    ...(farm.adminUrl === undefined ? [] : [`  admin    ${farm.adminUrl}`]),
    ...(demo === undefined ? [] : [`  demo     ${demo}`]),
    `  workers  ${settings.workers}, policy ${settings.policy}, affinity by ${settings.affinity}`,
    `  database ${settings.database}, durability ${settings.durability}`,
    `  settings ${otherSettings(settings)}`,
    `ready after ${Math.round(tookMs)} ms; Ctrl-C ends it`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

const ANNOUNCED = new Set(["app", "workers", "policy", "affinity", "database", "durability"]);

/** What is not in the lines above. */
function otherSettings(settings: Record<string, string | number | boolean>): string {
  return Object.entries(settings)
    .filter(([name]) => !ANNOUNCED.has(name))
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}
