// A peer that is a program of the system's and not ours: with a configuration of ours in a folder that goes with it, until
// its port is open.

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { spawnChild } from "../support/children.js";

/** Before a command: it is asked to end when we end, however that may be. */
export const ENDS_WITH_US = ["setpriv", "--pdeathsig", "TERM"] as const;

/** A temporary folder for the configuration; it is removed when this process exits. */
export function makeFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `limpet-bench-${name}-`));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts the program; this process ends with it, and asks it to end when asked itself. Whoever waits for us bounds the wait. */
export async function runInstalled(
  command: string,
  parameters: readonly string[],
  port: number,
): Promise<void> {
  const [first, ...rest] = [...ENDS_WITH_US, command, ...parameters];
  const child = spawnChild(first!, rest, { stdio: ["ignore", "inherit", "inherit"] });
  child.once("exit", (code) => process.exit(code ?? 1));
  process.once("SIGTERM", () => child.kill("SIGTERM"));
  while (!(await isOpen(port))) await after(20);
  process.stdout.write("ready\n");
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const isThere = await once(socket, "connect").then(
    () => true,
    () => false,
  );
  socket.destroy();
  return isThere;
}
