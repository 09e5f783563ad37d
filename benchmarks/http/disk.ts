// What a durable write costs at the least: the time that the disk takes for a page and fsync(2), where the databases are made. In memory it
// is next to nothing, and then durable writes mean nothing either.

import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Spread, spreadOf } from "../support/spread.js";

const PAGE_BYTES = 4096;
const PAGES = 100;

/** Of pages written one after the other to a new file in the folder. */
export function measureSyncUs(folder = tmpdir()): Spread {
  const own = mkdtempSync(join(folder, "limpet-bench-disk-"));
  const file = openSync(join(own, "pages"), "w");
  try {
    const page = Buffer.alloc(PAGE_BYTES, 1);
    const tookUs = Array.from({ length: PAGES }, () => {
      const startMs = performance.now();
      writeSync(file, page);
      fsyncSync(file);
      return (performance.now() - startMs) * 1000;
    });
    return spreadOf(tookUs);
  } finally {
    closeSync(file);
    rmSync(own, { recursive: true });
  }
}
