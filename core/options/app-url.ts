// The file URL of an app's module, by which every thread imports it: from a path, or from a URL that is a file's.

import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The shop that limpet brings along. */
export const SHOP_URL: string = new URL("../../workers/shop/shop.js", import.meta.url).href;

/**
 * A path begins at the working directory. Undefined for a URL that can be no file: of another scheme, on another host, or
 * with a slash or a zero hidden in its path.
 */
export function appUrlOf(app: string | URL): string | undefined {
  if (typeof app === "string" && !app.startsWith("file:")) return pathToFileURL(resolve(app)).href;
  try {
    const path = fileURLToPath(app);
    return path.includes("\0") ? undefined : pathToFileURL(path).href;
  } catch {
    return undefined;
  }
}
