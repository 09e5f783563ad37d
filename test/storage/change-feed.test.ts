// Following other farms' changes, over a connection that is played: when it is up and down, whose changes are news, what
// becomes of a connection that says nothing, and of one that cannot be had. Time is short, not measured.

import { EventEmitter, once } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ChangeFeed, type ListeningConnection } from "../../storage/change-feed.js";
import { noticesOf } from "../../storage/change-notices.js";
import { keyOf } from "./session-store-conformance.js";

const OURS = "0000000000000001";
const THEIRS = "0000000000000002";
const OPTIONS = { pingIntervalMs: 5, pingTimeoutMs: 20, minRetryMs: 1, maxRetryMs: 4 };

class PlayedConnection extends EventEmitter implements ListeningConnection {
  readonly asked: string[] = [];
  isSilent = false;
  isDeaf = false;
  isDestroyed = false;
  isEnded = false;
  readonly connection = {
    stream: {
      destroy: () => {
        this.isDestroyed = true;
      },
    },
  };

  query(sql: string): Promise<unknown> {
    this.asked.push(sql);
    this.emit("asked");
    const itself = /pg_notify\('limpet_sessions', '(\w+)'\)/.exec(sql)?.[1];
    if (itself !== undefined && !this.isDeaf) this.emit("notification", { payload: itself });
    return this.isSilent ? new Promise(() => {}) : Promise.resolve();
  }

  async end(): Promise<void> {
    this.isEnded = true;
  }

  tell(sender: string, ...keys: string[]): void {
    for (const payload of noticesOf(sender, keys)) this.emit("notification", { payload });
  }
}

/** What happens, in order, and a way to wait for something of it. */
class Played {
  readonly log: string[] = [];
  readonly news = new EventEmitter();
  readonly connections: PlayedConnection[] = [];
  readonly feed: ChangeFeed;

  /** The first connections cannot be had; those that can answer, or are silent. */
  constructor({ refusals = 0, areSilent = false, areDeaf = false } = {}) {
    this.feed = new ChangeFeed(
      async () => {
        if (refusals-- > 0) {
          this.#note("refused");
          throw new Error("refused");
        }
        const connection = new PlayedConnection();
        connection.isSilent = areSilent;
        connection.isDeaf = areDeaf;
        this.connections.push(connection);
        return connection;
      },
      OURS,
      {
        onUp: () => this.#note("up"),
        onDown: () => this.#note("down"),
        onDeaf: () => this.#note("deaf"),
        onChanged: (keys) => this.#note(keys.join()),
      },
      OPTIONS,
    );
  }

  get connection(): PlayedConnection {
    return this.connections.at(-1)!;
  }

  #note(what: string): void {
    this.log.push(what);
    this.news.emit(what);
  }
}

test("a feed, listens, and tells others' changes and not its own", async () => {
  const played = new Played();
  await once(played.news, "up");
  assert.is(played.connection.asked[0], "LISTEN limpet_sessions");
  played.connection.tell(THEIRS, keyOf(1), keyOf(2));
  played.connection.tell(OURS, keyOf(3));
  played.connection.emit("notification", { payload: "hello" });
  played.connection.emit("notification", {});
  assert.equal(played.log, ["up", `${keyOf(1)},${keyOf(2)}`]);
  await played.feed.close();
  assert.ok(played.connection.isEnded);
  played.connection.tell(THEIRS, keyOf(4));
  played.connection.emit("end");
  assert.is(played.log.length, 2, "nothing is told after the end");
});

test("a connection that ends or fails, is down at once, and another is listened to", async () => {
  const played = new Played();
  await once(played.news, "up");
  for (const event of ["end", "error"] as const) {
    const lost = played.connection;
    lost.emit(event, new Error("gone"));
    assert.is(played.log.at(-1), "down");
    assert.ok(lost.isDestroyed);
    await once(played.news, "up");
    assert.is.not(played.connection, lost);
    lost.tell(THEIRS, keyOf(1));
    assert.is(played.log.at(-1), "up", "what the lost one still says is not told");
  }
  await played.feed.close();
});

test("a connection that says nothing any more, is found out by asking it", async () => {
  const played = new Played();
  await once(played.news, "up");
  await once(played.connection, "asked");
  played.connection.isSilent = true;
  await once(played.news, "down");
  assert.ok(played.connections[0]!.isDestroyed);
  await once(played.news, "up");
  await played.feed.close();
});

test("a connection that does not answer LISTEN, was never up", async () => {
  const played = new Played({ areSilent: true });
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (played.connections.length < 3) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  assert.equal(played.log, []);
  assert.not(played.feed.isUp);
  await played.feed.close();
});

test("a connection that brings nothing, not even its own words, was never up, which is told once", async () => {
  const played = new Played({ areDeaf: true });
  await once(played.news, "deaf");
  while (played.connections.length < 3) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(played.log, ["deaf"]);
  await played.feed.close();
});

test("a server that is away, is tried until it is there", async () => {
  const played = new Played({ refusals: 6 });
  await once(played.news, "up");
  assert.equal(played.log, [...Array(6).fill("refused"), "up"]);
  await played.feed.close();
});

test("closing, while a connection is being made, ends that connection, too", async () => {
  const played = new Played();
  await played.feed.close();
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(played.connection.isEnded);
  assert.equal(played.log, []);
});

test.run();
