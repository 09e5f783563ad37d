// Loads the app's module for what the storage thread needs of it: procedures and migrations. Never calls its `fetch`.

import { fileURLToPath } from "node:url";
import type { AppMigration, Procedure } from "../workers/app/app.js";
import { firstLineOf, StartFailure } from "./failure.js";

export interface StorageApp {
  readonly procedures: Readonly<Record<string, Procedure>>;
  readonly migrations: Readonly<Record<string, AppMigration>>;
}

/** Imports the module of that file URL. Throws a `StartFailure`. */
export async function loadStorageApp(appUrl: string): Promise<StorageApp> {
  const path = appUrl.startsWith("file:") ? fileURLToPath(appUrl) : appUrl;
  let app: unknown;
  try {
    app = ((await import(appUrl)) as { default?: unknown }).default;
  } catch (error) {
    throw new StartFailure("app_load_failed", `The app ${path} could not be loaded: ${firstLineOf(error)}.`);
  }
  if (typeof app !== "object" || app === null) {
    throw new StartFailure("app_invalid", `The app ${path} has no object as its default export.`);
  }
  const { procedures = {}, migrations = {} } = app as { procedures?: unknown; migrations?: unknown };
  if (!isRecordOf(procedures, (value) => typeof value === "function")) {
    throw new StartFailure("app_invalid", `The app ${path} has procedures that are not functions.`);
  }
  if (!isRecordOf(migrations, (value) => typeof (value as AppMigration | null)?.up === "function")) {
    throw new StartFailure("app_invalid", `The app ${path} has migrations without a function "up".`);
  }
  return {
    procedures: procedures as StorageApp["procedures"],
    migrations: migrations as StorageApp["migrations"],
  };
}

function isRecordOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return typeof value === "object" && value !== null && Object.values(value).every(isItem);
}
