// The whole farm over a real TUN device, with the kernel's own TCP as the other side: pinning, spreading, sessions
// across workers and restarts, large bodies, many connections, ICMP. Runs in a network namespace of its own.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack, unpack } from "msgpackr";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { clientAddress } from "../../benchmarks/support/namespace.js";
import { createFarm, type Farm } from "../../core/farm.js";
import { ask, cookieOf, upload } from "../support/client.js";
import { startLoad } from "../support/keep-alive-load.js";
import { enterNamespace } from "../support/namespace.js";
import { untilStill } from "../support/settle.js";
import { patternBytes, sha256 } from "../support/test-app.js";

const WORKERS = 3;
const BIG_BYTES = 10_000_000;
const URL4 = "http://198.18.0.1/";
const URL6 = "http://[fd98:18::1]/";

interface Shown {
  readonly worker: number;
  readonly origin: string;
  readonly version: number;
  readonly count: number;
}

if (enterNamespace()) {
  const folder = mkdtempSync(join(tmpdir(), "limpet-"));
  const options = {
    app: new URL("../support/test-app.js", import.meta.url),
    workers: WORKERS,
    database: join(folder, "farm.db"),
    // What is acknowledged has to survive the process here, not the power.
    durability: "normal",
    logLevel: "fatal",
  } as const;
  let farm: Farm;
  const tun = suite("tun");

  tun.before(async () => {
    farm = createFarm(options);
    await farm.listen();
  });
  tun.after(async () => {
    await farm.close();
    rmSync(folder, { recursive: true });
  });

  async function session(cookie: string | undefined, localAddress: string): Promise<Shown> {
    return (await ask(`${URL4}session`, { cookie, localAddress })).json<Shown>();
  }

  tun("first answer to a source, without a cookie, starts a session and carries its ID", async () => {
    const answer = await ask(`${URL4}session`, { localAddress: clientAddress(1) });
    assert.is(answer.status, 200);
    assert.is(answer.headers["set-cookie"]?.length, 1);
    assert.match(answer.headers["set-cookie"]![0]!, /^limpet\.sid=[\w.-]+; Path=\/; HttpOnly; SameSite=Lax$/);
    const first = answer.json<Shown>();
    assert.is(first.origin, "new");
    const again = await ask(`${URL4}session`, { localAddress: clientAddress(1), cookie: cookieOf(answer) });
    assert.is(again.headers["set-cookie"], undefined);
    assert.equal(again.json<Shown>(), { ...first, origin: "cache" });
  });

  tun("fifty requests of one source, each on its own connection, find one worker", async () => {
    const workers = new Set<unknown>();
    for (let i = 0; i < 50; i++) {
      workers.add((await ask(URL4, { localAddress: clientAddress(2) })).json().worker);
    }
    assert.is(workers.size, 1);
  });

  tun("new flows of many sources, all open at once, are spread evenly", async () => {
    const agents = Array.from({ length: 60 }, () => new Agent({ keepAlive: true }));
    const answers = await Promise.all(
      agents.map((agent, i) => ask(URL4, { agent, localAddress: clientAddress(100 + i) })),
    );
    const flows = farm.status().workers.map((worker) => worker.flows);
    for (const agent of agents) agent.destroy();
    assert.is(new Set(answers.map((answer) => answer.json().worker)).size, WORKERS);
    assert.ok(Math.max(...flows) - Math.min(...flows) <= 1, `flows ${flows.join(", ")}`);
  });

  tun("session, its ID sent from other sources on other workers, has its state everywhere", async () => {
    const started = await ask(`${URL4}session/add`, { localAddress: clientAddress(3) });
    const cookie = cookieOf(started);
    const home = started.json<Shown>().worker;
    const origins = new Map<number, string>();
    let expected = 1;
    for (let i = 0; i < 12; i++) {
      const shown = await session(cookie, clientAddress(300 + i));
      assert.is(shown.count, expected, `on worker ${shown.worker}`);
      if (!origins.has(shown.worker)) origins.set(shown.worker, shown.origin);
      await ask(`${URL4}session/add`, { cookie, localAddress: clientAddress(300 + i) });
      expected++;
    }
    assert.is(origins.size, WORKERS);
    for (const [worker, origin] of origins) if (worker !== home) assert.is(origin, "database");
    // Back at home the cached state is old by now, and must not be believed.
    const back = await session(cookie, clientAddress(3));
    assert.equal([back.worker, back.count], [home, expected]);
  });

  tun("session, after the farm was closed and started again, is still there", async () => {
    const cookie = cookieOf(await ask(`${URL4}session/add`));
    await ask(`${URL4}session/add`, { cookie });
    await farm.close();
    farm = createFarm(options);
    await farm.listen();
    const shown = (await ask(`${URL4}session`, { cookie })).json<Shown>();
    assert.equal([shown.origin, shown.version, shown.count], ["database", 2, 2]);
  });

  tun("download of 10 MB arrives as it was sent, over IPv4 and IPv6", async () => {
    const expected = sha256(patternBytes(BIG_BYTES));
    for (const url of [URL4, URL6]) {
      assert.is(sha256((await ask(`${url}bytes?n=${BIG_BYTES}`)).body), expected, url);
    }
  });

  tun("upload of 10 MB arrives as it was sent, over IPv4 and IPv6", async () => {
    const body = patternBytes(BIG_BYTES);
    for (const url of [URL4, URL6]) {
      assert.is((await ask(`${url}upload`, { body })).body.toString(), sha256(body), url);
    }
  });

  tun("upload to an app that reads it as it comes, arrives as it was sent", async () => {
    const body = patternBytes(BIG_BYTES);
    assert.is((await ask(`${URL4}digest`, { body })).body.toString(), sha256(body));
  });

  tun(
    "upload of 64 MiB to an app that does not read, waits with its client, and arrives once it does",
    async () => {
      const count = 64 * 1024 * 1024;
      const sending = upload(`${URL4}digest/later`, count, clientAddress(8));
      // What is sent settles, once our window and the kernel's buffers are full. Each question goes to the same worker.
      const sent = await untilStill(async () => {
        await ask(URL4, { localAddress: clientAddress(8) });
        return sending.sentBytes;
      });
      assert.ok(sent < 16 * 1024 * 1024, `${sent} bytes were sent`);
      await ask(`${URL4}release`, { localAddress: clientAddress(8) });
      assert.is(await sending.answer, sha256(new Uint8Array(count)));
    },
  );

  tun("a thousand keep-alive connections at once are all served, twice each", async () => {
    const agents = Array.from({ length: 1000 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    for (let round = 0; round < 2; round++) {
      const answers = await Promise.all(
        agents.map((agent, i) => ask(URL4, { agent, localAddress: clientAddress(1000 + i) })),
      );
      assert.ok(answers.every((answer) => answer.status === 200));
    }
    const connections = farm.status().workers.reduce((sum, worker) => sum + worker.connections, 0);
    for (const agent of agents) agent.destroy();
    assert.ok(connections >= 1000, `${connections} connections`);
  });

  tun("datagram, over IPv4 and IPv6, is answered by the app of the source's worker", async () => {
    for (const [type, host] of [
      ["udp4", "198.18.0.1"],
      ["udp6", "fd98:18::1"],
    ] as const) {
      const socket = createSocket(type);
      socket.connect(80, host);
      await once(socket, "connect");
      const answers: unknown[] = [];
      for (const id of [7, 8]) {
        socket.send(pack([id, "echo", { n: id }]));
        const [answer] = (await once(socket, "message", { signal: AbortSignal.timeout(10_000) })) as [Buffer];
        answers.push(unpack(answer));
      }
      const { address } = socket.address();
      socket.close();
      const [, , first] = answers[0] as [number, number, { worker: number }];
      const { worker } = first;
      assert.equal(answers, [
        [7, 200, { path: "echo", body: { n: 7 }, worker, source: address }],
        [8, 200, { path: "echo", body: { n: 8 }, worker, source: address }],
      ]);
    }
  });

  tun("datagram to a port that is not served, is answered with port unreachable", async () => {
    const socket = createSocket("udp4");
    socket.connect(81, "198.18.0.1");
    await once(socket, "connect");
    socket.send("anybody?");
    const [error] = (await once(socket, "error", { signal: AbortSignal.timeout(10_000) }).catch((e) => [
      e,
    ])) as [NodeJS.ErrnoException];
    socket.close();
    assert.is(error.code, "ECONNREFUSED");
  });

  tun("connection to a port that is not served is refused at once", async () => {
    const code = await new Promise((resolve) => {
      const socket: Socket = connect({ host: "198.18.0.1", port: 81 });
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
      socket.on("connect", () => resolve("connected"));
    });
    assert.is(code, "ECONNREFUSED");
  });

  tun(
    "worker that dies, resets the connections of clients that wait, and they go on with their sessions",
    async () => {
      const client = clientAddress(3001);
      const added = await ask(`${URL4}session/add`, { localAddress: client });
      // Nothing more is sent on this connection: only the director can tell its client.
      const waiting = ask(`${URL4}wait?ms=60000`, { localAddress: client }).then(
        () => "answered",
        (error: NodeJS.ErrnoException) => error.code,
      );
      while (farm.status().workers.every(({ inFlight }) => inFlight === 0)) await new Promise(setImmediate);
      await ask(`${URL4}die`, { localAddress: client }).catch(() => {});
      assert.is(await waiting, "ECONNRESET");
      const shown = (
        await ask(`${URL4}session`, { localAddress: client, cookie: cookieOf(added) })
      ).json<Shown>();
      assert.equal([shown.count, shown.origin], [1, "database"]);
    },
  );

  tun("resize and reload, while clients ask without pause over both links, fail no request", async () => {
    const sources = Array.from({ length: 20 }, (_, i) => clientAddress(4000 + i));
    const loads = [
      startLoad(URL4, sources),
      startLoad(farm.urls.find((url) => url.includes("127.0.0.1"))!, ["127.0.0.2", "127.0.0.3"]),
    ];
    for (const workers of [1, 4, WORKERS]) await farm.resize(workers);
    await farm.reload();
    for (const load of loads) {
      const answered = load.answered();
      while (load.answered() < answered + 50) await new Promise(setImmediate);
      await load.stop();
      assert.equal(load.failures, []);
    }
  });

  tun("flows, after all connections have ended, are off the load board, and no slot is missing", async () => {
    // What is left: the last request's own flow, which may still be on its way out, and the two datagram flows, which have
    // no end but their time.
    const isQuiet = () => {
      const { workers, freeSlots, poolSlots } = farm.status();
      const flows = workers.reduce((sum, worker) => sum + worker.flows, 0);
      return flows <= 3 && freeSlots >= poolSlots - 8;
    };
    // Connections end as the kernel's FINs and our answers to them pass; each request gives them a turn.
    for (let tries = 0; tries < 200 && !isQuiet(); tries++) await ask(URL4);
    assert.ok(isQuiet(), JSON.stringify(farm.status()));
  });

  tun.run();
}
