// Which database the storage thread is told to open, from the farm's settings.

import type { StorageThreadOptions } from "../../storage/thread-messages.js";
import { isPostgresUrl } from "../options/database-url.js";
import type { FarmSettings } from "../options.js";

export function databaseOptionsOf(
  settings: Pick<FarmSettings, "database" | "sqliteDriver" | "coherence" | "durability">,
): StorageThreadOptions["database"] {
  const { database, sqliteDriver, coherence, durability } = settings;
  return isPostgresUrl(database)
    ? { client: "postgres", url: database, durability, coherence }
    : { client: sqliteDriver, filename: database, durability };
}
