// What limpet serves in the `failover` benchmark: a session that counts its requests, and requests that end the thread that serves
// them, or the storage thread. The dying thread's last act is to note the time.
//   /count                     counts, and answers "WORKER COUNT"
//   /look                      answers the same and does not count
//   /fail?kind=KIND&note=FILE  a death; its moment is then in the file, in µs of the steady clock that all processes share

import { writeFileSync } from "node:fs";
import { type App, HttpResponse } from "../../workers/app/app.js";

export const DEATH_KINDS = [
  /** The worker's thread ends in the middle of a request. */
  "worker-exit",
  /** It dies of an exception that nobody catches. */
  "worker-throw",
  /** It gets into an endless loop. */
  "worker-hang",
  /** The storage thread dies of an exception. */
  "storage-throw",
  /** A procedure gets into an endless loop. */
  "storage-hang",
] as const;
export type DeathKind = (typeof DEATH_KINDS)[number];

function noteDeath(file: string): void {
  writeFileSync(file, String(process.hrtime.bigint() / 1000n));
}

function throwLater(file: string): void {
  // Outside of the request, where nobody catches it.
  setImmediate(() => {
    noteDeath(file);
    throw new Error("thrown by the failover benchmark");
  });
}

function hang(file: string): void {
  noteDeath(file);
  const isOver = () => false;
  while (!isOver());
}

interface Death {
  readonly kind: DeathKind;
  readonly note: string;
}

export default {
  sessionless: (request) => request.path === "/fail",

  async fetch(request, context) {
    if (request.path === "/fail") {
      const kind = request.query.get("kind") as DeathKind;
      const note = request.query.get("note")!;
      if (kind === "worker-exit") {
        noteDeath(note);
        // Ends the thread, not the process.
        process.exit(3);
      }
      if (kind === "worker-throw") throwLater(note);
      else if (kind === "worker-hang") hang(note);
      else await context.call("fail", { kind, note } satisfies Death);
      return HttpResponse.text("");
    }
    const { state } = context.session;
    if (request.path === "/count") state.count = Number(state.count ?? 0) + 1;
    return HttpResponse.text(`${context.worker} ${state.count}`);
  },

  procedures: {
    async fail(_database, { kind, note }: Death) {
      if (kind === "storage-throw") throwLater(note);
      else hang(note);
      return null;
    },
  },
} satisfies App;
