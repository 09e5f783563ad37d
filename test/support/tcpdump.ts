// Other programs' readings of a capture, for tests that hold ours against them. Where tcpdump is absent the tests are skipped, and
// say so, except in CI, where they fail.

import { spawnSync } from "node:child_process";
import type { Test } from "uvu";
import { captureTest } from "./captures.js";

export const hasTshark = spawnSync("tshark", ["--version"]).error === undefined;

/** A test that needs tcpdump and the captures. */
export function tcpdumpTest(suite: Test, name: string, run: () => void | Promise<void>): void {
  const reason = spawnSync("tcpdump", ["--version"]).error;
  if (reason === undefined) {
    captureTest(suite, name, run);
  } else if (process.env.CI) {
    suite(name, () => {
      throw new Error("tcpdump is not installed, and in CI it must be");
    });
  } else {
    process.stdout.write(`# skipped: ${name}: no tcpdump\n`);
    suite.skip(name, run);
  }
}

/** Packets in a capture that fit a filter of libpcap's; without one all. */
export function tcpdumpCount(path: string, filter = ""): number {
  const output = run("tcpdump", ["-nn", "--count", "-r", path, filter]);
  return Number(/^(\d+) packets?$/m.exec(output)?.[1] ?? Number.NaN);
}

export interface DissectedPacket {
  /** From the outermost on, as tshark names them. */
  readonly protocols: readonly string[];
  readonly isFragment: boolean;
}

/** The packets of a capture as tshark reads them, one by one: nothing is put together. */
export function tsharkPackets(path: string): DissectedPacket[] {
  const oneByOne = ["ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE"];
  const fields = ["frame.protocols", "ip.flags.mf", "ip.frag_offset", "ipv6.fraghdr.nxt"];
  const output = run("tshark", [
    ...["-n", "-r", path, "-T", "fields", "-E", "occurrence=f"],
    ...oneByOne.flatMap((preference) => ["-o", preference]),
    ...fields.flatMap((field) => ["-e", field]),
  ]);
  return output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [protocols = "", ...fragment] = line.split("\t");
      return {
        protocols: protocols.split(":"),
        isFragment: fragment.some((value) => value !== "" && value !== "0" && value !== "False"),
      };
    });
}

function run(program: string, parameters: readonly string[]): string {
  const result = spawnSync(program, parameters, { encoding: "utf8", timeout: 60_000, maxBuffer: 1 << 26 });
  if (result.status !== 0) throw new Error(`${program} ${parameters.join(" ")}: ${result.stderr}`);
  return result.stdout;
}
