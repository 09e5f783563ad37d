// A load generator in a process of its own: started, given what it reads, waited for, and ended if it does not come to its end.

import { spawnChild } from "./children.js";

/** How long one may take beyond its load, in ms. */
const END_TIMEOUT_MS = 20_000;

export interface GeneratorOptions {
  /** Of load. */
  readonly seconds: number;
  /** What it reads. Default: nothing. */
  readonly input?: string;
  /** Number of the user that it runs as. Default: as we do. */
  readonly user?: number | undefined;
}

/** Resolves to what the program prints; undefined where it is not installed. Throws if it fails. */
export async function runGenerator(
  command: string,
  parameters: readonly string[],
  { seconds, input = "", user }: GeneratorOptions,
): Promise<string | undefined> {
  const child = spawnChild(command, parameters, {
    stdio: ["pipe", "pipe", "inherit"],
    timeout: seconds * 1000 + END_TIMEOUT_MS,
    killSignal: "SIGKILL",
    ...(user !== undefined && { uid: user, gid: user }),
  });
  // One that ends early need not have read it: what it says then is its exit code.
  child.stdin?.on("error", () => {});
  child.stdin?.end(input);
  let output = "";
  child.stdout?.on("data", (chunk) => (output += chunk));
  const cause = await new Promise<number | string | null | undefined>((resolve, reject) => {
    child.once("close", (code, signal) => resolve(signal ?? code));
    child.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "ENOENT" ? resolve(undefined) : reject(error),
    );
  });
  if (cause === undefined) return undefined;
  if (cause !== 0) throw new Error(`${command} failed (${cause}): ${output}`);
  return output;
}
