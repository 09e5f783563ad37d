// Imports an app's module and checks its shape once, so that whoever serves it can trust it. Says what is wrong in one
// sentence that names the file: `limpet serve` prints it and nothing else. Runs nothing of the app but its module.

import { access } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import type { App } from "./app.js";

export type AppLoadErrorCode =
  /** There is no such file. */
  | "app_not_found"
  /** The module, or one that it imports, cannot be read or throws. */
  | "app_failed_to_load"
  /** The module has no default export. */
  | "app_without_default_export"
  /** The default export is not an app. */
  | "app_invalid";

export class AppLoadError extends Error {
  override readonly name = "AppLoadError";
  readonly code: AppLoadErrorCode;

  constructor(code: AppLoadErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

const optionalFunction = v.optional(v.function("must be a function"));

const migration = v.looseObject(
  { up: v.function("must be a function"), down: optionalFunction },
  "must be an object with up()",
);

/** What `App` promises. Loose: an app may have other members, for itself or for other servers. */
const shape = v.looseObject(
  {
    fetch: v.function("must be a function"),
    sessionless: optionalFunction,
    body: optionalFunction,
    datagram: optionalFunction,
    setup: optionalFunction,
    teardown: optionalFunction,
    procedures: v.optional(
      v.record(v.string(), v.function("must be a function"), "must be an object of functions"),
    ),
    migrations: v.optional(v.record(v.string(), migration, "must be an object of migrations")),
  },
  "must be an object with fetch(request, context)",
);

/** The app that the module at `url` ("file:…") exports by default. Rejects with an AppLoadError. */
export async function loadApp(url: string): Promise<App> {
  const file = nameOf(url);
  const module = await importModule(url, file);
  if (module.default === undefined) {
    throw new AppLoadError(
      "app_without_default_export",
      `The app ${file} has no default export: write "export default { fetch(request, context) { … } }".`,
    );
  }
  const checked = v.safeParse(shape, module.default, { abortEarly: true });
  if (!checked.success) {
    const [issue] = checked.issues;
    const path = v.getDotPath(issue);
    const subject = path === null ? "its default export" : `"${path}" of its default export`;
    // Of a required member that is missing valibot says what the object must be. All that are required are functions.
    const isMissing = path !== null && issue.received === "undefined";
    const fault = isMissing ? "is missing and must be a function" : issue.message;
    throw new AppLoadError("app_invalid", `The app ${file} cannot be served: ${subject} ${fault}.`);
  }
  // What was exported, not what valibot has copied of it: it may be an instance of a class, and has a `this`.
  return module.default as App;
}

async function importModule(url: string, file: string): Promise<{ readonly default?: unknown }> {
  if (url.startsWith("file:")) {
    try {
      await access(file);
    } catch (error) {
      throw new AppLoadError("app_not_found", `The app ${file} cannot be found or read.`, error);
    }
  }
  try {
    return await import(url);
  } catch (error) {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const oneLine = reason.replace(/\s*\n\s*/g, " ");
    throw new AppLoadError("app_failed_to_load", `The app ${file} cannot be loaded: ${oneLine}`, error);
  }
}

function nameOf(url: string): string {
  return url.startsWith("file:") ? fileURLToPath(url) : url;
}
