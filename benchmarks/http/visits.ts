// The sessions of a measurement: made by the source that uses them, written at least once, and counted again afterwards, by what the server
// says of them and by what its database's file holds.

import { setTimeout as after } from "node:timers/promises";
import { READ_PATH, visitsIn, WRITE_PATH } from "../peers/response.js";
import { askForEach, type Client } from "./clients.js";
import type { Contender } from "./contenders.js";

/** What may still be under way when a load ends is done by then. */
const SETTLED_TRIES = 50;
const RETRY_MS = 100;

interface Session {
  readonly client: Client;
  readonly cookie: string;
}

export class Visits {
  readonly #contender: Contender;
  readonly #folder: string;
  readonly #sessions: readonly Session[];

  private constructor(contender: Contender, folder: string, sessions: readonly Session[]) {
    this.#contender = contender;
    this.#folder = folder;
    this.#sessions = sessions;
  }

  /** So many sessions for each client, written once. Throws unless each is a new one. */
  static async begin(
    contender: Contender,
    folder: string,
    clients: readonly Client[],
    each: number,
  ): Promise<Visits> {
    const wanted = clients.flatMap((client) => Array.from({ length: each }, () => client));
    const sessions = await askForEach(wanted, async (client) => {
      const { body, cookie } = await client.ask(WRITE_PATH);
      if (cookie === undefined || visitsIn(body.toString()) !== 1)
        throw new Error(`${contender.server} begins a session with ${JSON.stringify(body.toString())}`);
      return { client, cookie };
    });
    return new Visits(contender, folder, sessions);
  }

  cookiesOf(client: Client): string[] {
    return this.#sessions.filter((session) => session.client === client).map(({ cookie }) => cookie);
  }

  /** What all sessions' counts add up to, once nothing is under way any more. Throws unless the database's file agrees with the server. */
  async total(tries = SETTLED_TRIES): Promise<number> {
    let served = Number.NaN;
    let stored = Number.NaN;
    for (let left = tries; left > 0; left--) {
      served = await this.#served();
      stored = (await this.#contender.storedVisits?.(this.#folder)) ?? served;
      if (served === stored) return served;
      if (left > 1) await after(RETRY_MS);
    }
    const { server } = this.#contender;
    throw new Error(`${server} says that its sessions were written ${served} times, its database ${stored}`);
  }

  async #served(): Promise<number> {
    const counts = await askForEach(this.#sessions, async ({ client, cookie }) => {
      return visitsIn((await client.ask(READ_PATH, cookie)).body.toString());
    });
    return counts.reduce((sum, count) => sum + count, 0);
  }
}
