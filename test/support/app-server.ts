// An app served on loopback through everything of a worker but its TCP: HTTP, sessions, a real storage thread with a
// database in memory. For tests of apps, which need no device this way.

import { allocateSessionDirectory, SessionDirectory } from "../../core/memory/session-directory.js";
import { resolveOptions } from "../../core/options.js";
import { StorageHandle } from "../../core/supervision/storage-handle.js";
import { loadApp } from "../../workers/app/app-loader.js";
import { type AppFault, Application } from "../../workers/app/application.js";
import { HttpServer } from "../../workers/http/server.js";
import { Sessions } from "../../workers/session/sessions.js";
import { StorageClient } from "../../workers/session/storage-client.js";
import { signingSecrets } from "./signing-secrets.js";
import { listen } from "./socket-stream.js";

export interface AppServer {
  /** Without a slash at its end. */
  readonly origin: string;
  /** What the app has failed at; empty, if the test expects none. */
  readonly faults: AppFault[];
  close(): Promise<void>;
}

export async function startAppServer(appUrl: URL): Promise<AppServer> {
  const settings = resolveOptions({ app: appUrl, database: ":memory:" });
  const directory = allocateSessionDirectory(1024);
  const handle = await StorageHandle.start(settings, directory, {
    onWarning: (message) => {
      throw new Error(message);
    },
    onReplaced: () => {},
  });
  const storage = new StorageClient(handle.attach());
  const sessions = new Sessions({
    secrets: signingSecrets(new Uint8Array(32).fill(9)),
    storage,
    directory: new SessionDirectory(directory),
  });
  const faults: AppFault[] = [];
  const application = new Application({
    app: await loadApp(appUrl.href),
    sessions,
    storage,
    worker: 5,
    logFault: (fault) => faults.push(fault),
  });
  const http = new HttpServer({}, application.respond, Date.now, application.planBody);
  const { port, close } = await listen(http);
  return {
    origin: `http://127.0.0.1:${port}`,
    faults,
    async close() {
      await close();
      storage.close();
      await handle.close();
    },
  };
}
