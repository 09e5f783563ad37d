// Follows what other farms change in a shared database, on a connection of its own that listens and does nothing else.
// Knows neither sessions nor the directory. What always holds: between `onUp` and `onDown` every change that was
// committed after `onUp` is told, soon after it was committed; a connection that has gone dead without a word is found
// out within `pingIntervalMs + pingTimeoutMs`, because it is asked all the time; while it is down it is tried again,
// ever more slowly.

import { CHANGES_CHANNEL, readNotice } from "./change-notices.js";

/** What the feed needs of a connection: pg's `Client` is one. */
export interface ListeningConnection {
  query(sql: string): Promise<unknown>;
  on(event: "notification", listener: (message: { readonly payload?: string | undefined }) => void): void;
  once(event: "error" | "end", listener: (error?: Error) => void): void;
  end(): Promise<void>;
  readonly connection: { readonly stream: { destroy(): void } };
}

export interface FeedEvents {
  /** Other farms' changes are told from now on. What was asked of the database before may be old already. */
  readonly onUp: () => void;
  /** Sessions of these keys have been changed by another farm, or are about to be. */
  readonly onChanged: (keys: readonly string[]) => void;
  /** From now on nothing is told: what is known of sessions may be old at any time. */
  readonly onDown: () => void;
  /** A connection listens, and does not even hear what it says itself: told once. */
  readonly onDeaf: () => void;
}

export interface FeedOptions {
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  /** The wait before the first attempt to connect again; doubles up to `maxRetryMs`. */
  readonly minRetryMs: number;
  readonly maxRetryMs: number;
}

export const DEFAULT_FEED_OPTIONS: FeedOptions = {
  pingIntervalMs: 500,
  pingTimeoutMs: 1_000,
  minRetryMs: 50,
  maxRetryMs: 2_000,
};

export class ChangeFeed {
  readonly #connect: () => Promise<ListeningConnection>;
  /** This farm's own name: its own changes are not news. */
  readonly #sender: string;
  readonly #events: FeedEvents;
  readonly #options: FeedOptions;
  #connection: ListeningConnection | undefined;
  #isUp = false;
  #retryMs: number;
  /** The next ping, its time limit, or the next attempt to connect: one at a time. */
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #isKnownDeaf = false;

  /** Connects at once; `onUp` is called later than this returns. */
  constructor(
    connect: () => Promise<ListeningConnection>,
    sender: string,
    events: FeedEvents,
    options: FeedOptions = DEFAULT_FEED_OPTIONS,
  ) {
    this.#connect = connect;
    this.#sender = sender;
    this.#events = events;
    this.#options = options;
    this.#retryMs = options.minRetryMs;
    void this.#listen();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Tells nothing from now on. Resolves when the connection is closed. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection === undefined) return;
    // A server that does not answer must not hold up the end.
    const timer = setTimeout(() => connection.connection.stream.destroy(), this.#options.pingTimeoutMs);
    await connection.end().catch(() => {});
    clearTimeout(timer);
  }

  async #listen(): Promise<void> {
    let connection: ListeningConnection;
    try {
      connection = await this.#connect();
    } catch {
      this.#connectLater();
      return;
    }
    if (this.#closed) {
      await connection.end().catch(() => {});
      return;
    }
    this.#connection = connection;
    const lost = () => this.#lose(connection);
    connection.once("error", lost);
    connection.once("end", lost);
    connection.on("notification", ({ payload = "" }) => this.#hear(connection, payload));
    // A pooler that gives each transaction another connection (PgBouncer can) takes LISTEN and brings nothing.
    const heard = new Promise<void>((resolve) => {
      connection.on("notification", ({ payload }) => {
        if (payload === this.#sender) resolve();
      });
    });
    const toItself = `SELECT pg_notify('${CHANGES_CHANNEL}', '${this.#sender}')`;
    if (!(await this.#ask(connection, connection.query(`LISTEN ${CHANGES_CHANNEL}`)))) return;
    if (!(await this.#ask(connection, connection.query(toItself)))) return;
    if (!(await this.#ask(connection, heard, () => this.#noteDeaf()))) return;
    this.#isUp = true;
    this.#retryMs = this.#options.minRetryMs;
    this.#events.onUp();
    this.#pingLater(connection);
  }

  #hear(connection: ListeningConnection, payload: string): void {
    // What comes before LISTEN is answered may be told too early, but not too often.
    if (connection !== this.#connection) return;
    const notice = readNotice(payload);
    if (notice !== undefined && notice.sender !== this.#sender) this.#events.onChanged(notice.keys);
  }

  #pingLater(connection: ListeningConnection): void {
    this.#timer = setTimeout(async () => {
      if (await this.#ask(connection, connection.query("SELECT 1"))) this.#pingLater(connection);
    }, this.#options.pingIntervalMs);
  }

  /** True if the answer has come in time and the connection is still ours; else it is lost. */
  async #ask(
    connection: ListeningConnection,
    answer: Promise<unknown>,
    onLate: () => void = () => {},
  ): Promise<boolean> {
    const late = new Promise<void>((resolve) => {
      this.#timer = setTimeout(() => {
        if (connection === this.#connection) onLate();
        this.#lose(connection);
        resolve();
      }, this.#options.pingTimeoutMs);
    });
    const timer = this.#timer;
    try {
      await Promise.race([answer, late]);
    } catch {
      this.#lose(connection);
    }
    clearTimeout(timer);
    return connection === this.#connection;
  }

  #noteDeaf(): void {
    if (!this.#isKnownDeaf) this.#events.onDeaf();
    this.#isKnownDeaf = true;
  }

  #lose(connection: ListeningConnection): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    connection.connection.stream.destroy();
    if (this.#isUp) {
      this.#isUp = false;
      this.#events.onDown();
    }
    this.#connectLater();
  }

  #connectLater(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#listen(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, this.#options.maxRetryMs);
  }
}
