// A client that downloads and throws away what it gets: curl where it is installed, else Node's own.

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { spawnChild } from "./children.js";

/** What one download took, from before the connection to the last byte. */
export interface Download {
  readonly bytes: number;
  readonly seconds: number;
}

export type Downloader = "curl" | "node:http";
export const downloader: Downloader = spawnSync("curl", ["--version"]).status === 0 ? "curl" : "node:http";

/** Rejects for another status than 200, and after `timeoutSeconds`. */
export function download(url: string, timeoutSeconds: number): Promise<Download> {
  return downloader === "curl" ? byCurl(url, timeoutSeconds) : byNode(url, timeoutSeconds);
}

async function byCurl(url: string, timeoutSeconds: number): Promise<Download> {
  const report = "%{size_download} %{time_total}";
  const bounded = ["--fail", "--max-time", String(timeoutSeconds)];
  const child = spawnChild("curl", ["-sS", "--globoff", ...bounded, "-o", "/dev/null", "-w", report, url], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout!.on("data", (chunk) => (output += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`curl ${url} failed (${code}): ${output}`);
  const [bytes, seconds] = output.split(" ").map(Number);
  return { bytes: bytes!, seconds: seconds! };
}

async function byNode(url: string, timeoutSeconds: number): Promise<Download> {
  const started = performance.now();
  const asked = get(url, { agent: false, signal: AbortSignal.timeout(timeoutSeconds * 1000) });
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  if (answer.statusCode !== 200) throw new Error(`${url} answers ${answer.statusCode}`);
  let bytes = 0;
  for await (const chunk of answer) bytes += (chunk as Buffer).length;
  return { bytes, seconds: (performance.now() - started) / 1000 };
}
