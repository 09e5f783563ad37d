// Makes a server listen at a TCP port or a unix socket, or says in one sentence why it cannot. A unix socket's file is its
// owner's alone, and one that a dead process has left behind is replaced.

import { lstatSync, rmSync } from "node:fs";
import { connect, type Server } from "node:net";
import { formatEndpoint } from "../options/endpoint.js";
import type { Endpoint, UnixSocket } from "../options/farm-options.js";

/** The admin interface cannot listen where it was told to; the message is one sentence. */
export class AdminListenError extends Error {
  override readonly name = "AdminListenError";
  readonly code: "admin_in_use" | "admin_unavailable";

  constructor(code: "admin_in_use" | "admin_unavailable", message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** Resolves when `server` listens. Rejects with an `AdminListenError`. */
export async function listenAt(server: Server, where: Endpoint | UnixSocket): Promise<void> {
  try {
    await listen(server, where);
  } catch (error) {
    if (codeOf(error) === "EADDRINUSE" && "path" in where && (await removeStaleSocket(where.path))) {
      return listen(server, where).catch((again) => Promise.reject(listenError(again, where)));
    }
    throw listenError(error, where);
  }
}

function listen(server: Server, where: Endpoint | UnixSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      server.off("error", failed);
      resolve();
    };
    const failed = (error: Error): void => {
      server.off("listening", done);
      reject(error);
    };
    server.once("listening", done).once("error", failed);
    if (!("path" in where)) {
      server.listen(where.port, where.host);
      return;
    }
    // The file is made within `listen`, with what the mask leaves of its mode: so it is never another's, not for a moment.
    const mask = process.umask(0o177);
    try {
      server.listen(where.path);
    } finally {
      process.umask(mask);
    }
  });
}

/** Removes the socket's file if nobody listens there. Returns whether it did. */
async function removeStaleSocket(path: string): Promise<boolean> {
  const before = lstatSync(path, { throwIfNoEntry: false });
  if (before === undefined) return true;
  if (!before.isSocket() || (await isLive(path))) return false;
  // Another farm may have done the same since, and listen there now.
  if (lstatSync(path, { throwIfNoEntry: false })?.ino === before.ino) rmSync(path, { force: true });
  return true;
}

function isLive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    // What may not be asked, or has a full backlog, is not dead.
    socket.once("error", (error) => resolve(codeOf(error) !== "ECONNREFUSED"));
  });
}

function listenError(error: unknown, where: Endpoint | UnixSocket): AdminListenError {
  const code = codeOf(error);
  const place = formatEndpoint(where);
  if (code === "EADDRINUSE") {
    const what = "path" in where ? `socket ${place}` : `port ${place}`;
    const message = `the admin ${what} is in use: choose another with --admin, or none`;
    return new AdminListenError("admin_in_use", message, error);
  }
  const reasons: Readonly<Record<string, string>> = {
    EACCES: "that is not permitted",
    EPERM: "that is not permitted",
    EADDRNOTAVAIL: "this machine has no such address",
    ENOENT: "there is no such directory",
    ENOTDIR: "there is no such directory",
    EROFS: "the file system is read-only",
  };
  const message = `the admin interface cannot listen at ${place}: ${reasons[code] ?? "the system refuses"} (${code})`;
  return new AdminListenError("admin_unavailable", message, error);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
