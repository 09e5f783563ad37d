// What the `http` benchmark asks its servers for.

import { BODIES, READ_PATH, WRITE_PATH } from "../peers/response.js";

export const WORKLOADS = ["hello", "16-kib", "1-mib", "session-read", "session-write"] as const;
export type WorkloadName = (typeof WORKLOADS)[number];

export interface Workload {
  readonly name: WorkloadName;
  readonly path: string;
  /** The answer's body; absent where it is told by a session. */
  readonly body?: Buffer;
  /** Each request has a session, and changes it or not. */
  readonly session?: "read" | "write";
  /** Whom the others are compared with. */
  readonly reference: "node-http" | "express";
}

export function workloadOf(name: WorkloadName): Workload {
  switch (name) {
    case "session-read":
      return { name, path: READ_PATH, session: "read", reference: "express" };
    case "session-write":
      return { name, path: WRITE_PATH, session: "write", reference: "express" };
    default: {
      const path = `/${name}`;
      return { name, path, body: BODIES[path]!, reference: "node-http" };
    }
  }
}
