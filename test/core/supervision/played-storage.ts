// A hold on the storage with a real thread, an app of the test's own, and the workers' side of it.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { allocateSessionDirectory } from "../../../core/memory/session-directory.js";
import { StorageHandle, type StorageSettings } from "../../../core/supervision/storage-handle.js";
import { StorageClient } from "../../../workers/session/storage-client.js";

const directory = mkdtempSync(join(tmpdir(), "limpet-storage-handle-"));
process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
let count = 0;

/** How it differs from a farm's. */
export interface PlayedStorageOptions extends Partial<Pick<StorageSettings, "database" | "sqliteDriver">> {
  readonly hangTimeoutMs?: number;
}

export class PlayedStorage {
  readonly warnings: string[] = [];
  readonly clients: StorageClient[] = [];
  readonly database: string;
  readonly #appFile = join(directory, `app-${++count}.mjs`);
  readonly #options: PlayedStorageOptions;
  #handle: StorageHandle | undefined;
  replaced = 0;
  #onReplaced = () => {};

  /** `app` is the source of the app's module. */
  constructor(app: string, options: PlayedStorageOptions = {}) {
    this.database = options.database ?? join(directory, `farm-${count}.db`);
    this.#options = options;
    this.writeApp(app);
  }

  get handle(): StorageHandle {
    return this.#handle!;
  }

  writeApp(source: string): void {
    writeFileSync(this.#appFile, source);
  }

  async start(): Promise<this> {
    const { sqliteDriver = "sqlite3", hangTimeoutMs } = this.#options;
    const settings: StorageSettings = {
      database: this.database,
      sqliteDriver,
      coherence: "told",
      durability: "normal",
      appUrl: pathToFileURL(this.#appFile).href,
    };
    const events = {
      onWarning: (message: string) => void this.warnings.push(message),
      onReplaced: () => {
        this.replaced++;
        for (const client of this.clients) client.use(this.handle.attach());
        this.#onReplaced();
      },
    };
    const sessions = allocateSessionDirectory(1_024);
    this.#handle = await StorageHandle.start(settings, sessions, events, hangTimeoutMs);
    return this;
  }

  connect(): StorageClient {
    const client = new StorageClient(this.handle.attach());
    this.clients.push(client);
    return client;
  }

  /** Resolves when the workers have been given new ports. */
  nextReplacement(): Promise<void> {
    return new Promise((resolve) => {
      this.#onReplaced = resolve;
    });
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.close();
    await this.handle.close();
  }
}
