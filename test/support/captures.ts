// The real captures in ../shared/captures, for tests that replay them. They are not part of the project: where they are
// absent a test that needs them is skipped, and says so, except in CI, where it fails.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Test } from "uvu";
import { locatePacket } from "../../core/link/frame.js";
import { CaptureFile } from "../../core/link/pcap-file.js";

export const CAPTURES = resolve(process.cwd(), "../shared/captures");

/** A test that needs the captures. */
export function captureTest(suite: Test, name: string, run: () => void | Promise<void>): void {
  if (existsSync(join(CAPTURES, "README.md"))) {
    suite(name, run);
  } else if (process.env.CI) {
    suite(name, () => {
      throw new Error(`${CAPTURES} is not there, and in CI it must be`);
    });
  } else {
    process.stdout.write(`# skipped: ${name}: no captures in ${CAPTURES}\n`);
    suite.skip(name, run);
  }
}

/** The IP packets of a capture, by its path in the folder, each in a buffer of its own; other frames are left out. */
export function readPackets(name: string): Uint8Array[] {
  const file = new CaptureFile(join(CAPTURES, name));
  const packets: Uint8Array[] = [];
  while (file.next()) {
    const headerLength = locatePacket(file.linkType, file.bytes, file.dataOffset, file.dataLength);
    if (headerLength < 0) continue;
    packets.push(file.bytes.slice(file.dataOffset + headerLength, file.dataOffset + file.dataLength));
  }
  file.close();
  return packets;
}
