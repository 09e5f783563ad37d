// curl as a client for integration tests, where it is installed: other reads and writes than Node's, and it asks before it
// sends a large body (100-continue).

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";

export function hasCurl(): boolean {
  return spawnSync("curl", ["--version"]).status === 0;
}

/** Gets `url`, or posts a body to it. Resolves with the answer's body; rejects for any status but 2xx, and after `timeoutMs`. */
export async function curl(
  url: string,
  body: Uint8Array | undefined,
  timeoutMs: number,
): Promise<Uint8Array> {
  const post = body === undefined ? [] : ["--data-binary", "@-"];
  const parameters = ["-sS", "--fail", "--globoff", "--max-time", String(timeoutMs / 1000), ...post, url];
  const child = spawn("curl", parameters, { stdio: ["pipe", "pipe", "pipe"] });
  const chunks: Buffer[] = [];
  let complaint = "";
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk) => (complaint += chunk));
  // One that ends early does not read all of it, and says itself why.
  child.stdin.on("error", () => {});
  child.stdin.end(body);
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`curl ${url} failed (${code}): ${complaint.trim()}`);
  return Buffer.concat(chunks);
}
