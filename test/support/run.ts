// The test command: runs every test file in a process of its own, two at a time, and ends with one line
// "N passed, N failed[, N skipped]". uvu sets only an exit code and hangs on open handles, hence the processes, their
// time limit and the sums. Arguments choose files by a part of their path.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const FILE_TIMEOUT_MS = 300_000;
const root = join(dirname(fileURLToPath(import.meta.url)), "..");

interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
  output: string;
}

function runFile(file: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--enable-source-maps", file], {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: FILE_TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("close", (code, signal) => {
      const sum = (label: string) =>
        [...output.matchAll(new RegExp(`^ {2}${label}: +(\\d+)$`, "gm"))].reduce(
          (total, m) => total + Number(m[1]),
          0,
        );
      const total = sum("Total");
      const passed = sum("Passed");
      const failed = total - passed;
      // A file that ends badly, or reports nothing, has failed even if no test says so.
      const broken = signal !== null || (code !== 0 && failed === 0) || total + sum("Skipped") === 0;
      if (signal !== null) output += `\nended by ${signal} after at most ${FILE_TIMEOUT_MS / 1000} s\n`;
      resolve({ passed, failed: failed + (broken ? 1 : 0), skipped: sum("Skipped"), output });
    });
  });
}

const wanted = process.argv.slice(2);
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".test.js"))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
  .map((file) => join(root, file));
const totals = { passed: 0, failed: 0, skipped: 0 };
const queue = [...files];

async function drain(): Promise<void> {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const started = performance.now();
    const outcome = await runFile(file);
    totals.passed += outcome.passed;
    totals.failed += outcome.failed;
    totals.skipped += outcome.skipped;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const skipped = outcome.skipped > 0 ? `, ${outcome.skipped} skipped` : "";
    process.stdout.write(
      `${outcome.failed > 0 ? "FAIL" : "ok  "} ${relative(root, file).replace(/\.js$/, "")}: ` +
        `${outcome.passed} passed${skipped} (${seconds} s)\n`,
    );
    if (outcome.failed > 0) process.stdout.write(`${outcome.output}\n`);
    else for (const line of outcome.output.match(/^# .*$/gm) ?? []) process.stdout.write(`     ${line}\n`);
  }
}

await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, drain));
process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed`);
process.stdout.write(totals.skipped > 0 ? `, ${totals.skipped} skipped\n` : "\n");
process.exitCode = totals.failed > 0 || files.length === 0 ? 1 : 0;
