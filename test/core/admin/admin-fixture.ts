// A fake farm behind a real admin server, and requests to it that are free to be wrong.

import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { AdminServer } from "../../../core/admin/admin-server.js";
import type { Endpoint, UnixSocket } from "../../../core/options/farm-options.js";
import { FakeFarm } from "./fake-farm.js";

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The text as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever it is, the test says what it must be
  readonly json: any;
}

export interface Request {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

export interface Admin {
  readonly farm: FakeFarm;
  readonly server: AdminServer;
  readonly warnings: string[];
  readonly ask: (path: string, request?: Request) => Promise<Reply>;
}

/** Runs `use` with a server that listens, and closes it. */
export async function withAdmin(
  use: (admin: Admin) => Promise<void>,
  token?: string,
  where: Endpoint | UnixSocket = { host: "127.0.0.1", port: 0 },
): Promise<void> {
  const farm = new FakeFarm();
  const warnings: string[] = [];
  const server = new AdminServer(farm, where, token, (message) => warnings.push(message));
  await server.start();
  try {
    await use({ farm, server, warnings, ask: (path, request) => ask(server.url, path, request) });
  } finally {
    await server.close();
  }
}

function ask(
  url: string,
  path: string,
  { method = "GET", headers = {}, body }: Request = {},
): Promise<Reply> {
  const target = url.startsWith("unix:")
    ? { socketPath: url.slice("unix:".length), host: "localhost" }
    : { host: new URL(url).hostname, port: new URL(url).port };
  return new Promise((resolve, reject) => {
    const request = httpRequest({ ...target, method, path, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (text += chunk));
      response.once("error", reject).once("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          get json() {
            return JSON.parse(text);
          },
        }),
      );
    });
    request.once("error", reject);
    request.end(body);
  });
}

/** A POST of JSON. */
export function post(value: unknown): Request {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) };
}
