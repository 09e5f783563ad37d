// Single requests that are no load, from any of the sources: to see what a server answers before it is believed.

import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { buffer } from "node:stream/consumers";
import type { Source } from "../support/sources.js";

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
  /** Name and value of the cookie that is set. */
  readonly cookie: string | undefined;
}

/** How long one answer may take, in ms. */
const ANSWER_TIMEOUT_MS = 10_000;
/** Requests that are under way at a time, of all sources: none waits for its turn while its time runs. */
const AT_ONCE = 16;

/** One source as a client of a server. */
export class Client {
  readonly source: Source;
  readonly #origin: string;
  readonly #agent: Agent;

  constructor(source: Source, origin: string) {
    this.source = source;
    this.#origin = origin;
    this.#agent = new Agent({ keepAlive: true });
  }

  /** Throws if there is no answer, or one whose length is not what it says. */
  async ask(path: string, cookie?: string): Promise<Answer> {
    const asked = request(this.#origin + path, {
      agent: this.#agent,
      localAddress: this.source.address,
      headers: cookie === undefined ? {} : { cookie },
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    asked.end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    return {
      status: response.statusCode!,
      body: await buffer(response),
      cookie: response.headers["set-cookie"]?.[0]?.split(";", 1)[0],
    };
  }

  /** Closes its connections. */
  close(): void {
    this.#agent.destroy();
  }
}

/** What `ask` resolves to for each of the items, in their order. Throws the first error. */
export async function askForEach<Item, Result>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const askInTurn = async () => {
    for (const [n, item] of queue) results[n] = await ask(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, askInTurn));
  return results;
}
