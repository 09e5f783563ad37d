// Clients that ask without pause on keep-alive connections, as browsers and proxies do, and hold the server to every
// promise: an answer other than 200, or a connection that ends in the middle of a request, is a failure.

import { Agent, get } from "node:http";

export interface Load {
  /** Requests that have been answered so far. */
  readonly answered: () => number;
  /** What went wrong, one line each. */
  readonly failures: readonly string[];
  /** Lets each client finish its request. */
  stop(): Promise<void>;
}

/** One client for each source address, asking for `url`. */
export function startLoad(url: string, sources: readonly string[]): Load {
  const failures: string[] = [];
  let answered = 0;
  let isStopped = false;
  const clients = sources.map(async (localAddress) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!isStopped) {
      const failure = await request(url, agent, localAddress);
      if (failure === undefined) answered++;
      else failures.push(failure);
    }
    agent.destroy();
  });
  return {
    answered: () => answered,
    failures,
    async stop() {
      isStopped = true;
      await Promise.all(clients);
    },
  };
}

function request(url: string, agent: Agent, localAddress: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(10_000);
    get(url, { agent, localAddress, signal }, (response) => {
      response.resume();
      response.on("end", () =>
        resolve(response.statusCode === 200 ? undefined : `status ${response.statusCode}`),
      );
      response.on("error", (error) => resolve(String(error)));
    }).on("error", (error) => resolve(String(error)));
  });
}
