// The datagram service without a network: requests, answers, and what hostile datagrams get.

import { Packr } from "msgpackr";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  DatagramAnswer,
  type DatagramPeer,
  type DatagramResponder,
  DatagramService,
  type IncomingDatagram,
} from "../../../workers/datagram/datagram-service.js";

const packr = new Packr({ useRecords: false, mapsAsObjects: true, copyBuffers: true });
const PEER: DatagramPeer = { sourceAddress: "192.0.2.7", sourcePort: 4007, maxAnswerBytes: 1472 };

class Bench {
  readonly service: DatagramService;
  readonly answers: unknown[] = [];
  readonly peers: DatagramPeer[] = [];
  readonly sizes: number[] = [];

  constructor(respond: DatagramResponder, maxInFlight?: number) {
    this.service = new DatagramService(
      respond,
      (peer, bytes) => {
        this.peers.push(peer);
        this.sizes.push(bytes.length);
        this.answers.push(packr.unpack(Buffer.from(bytes)));
        bytes.fill(0);
      },
      maxInFlight,
    );
  }

  /** Delivers from shared memory, which is wiped afterwards. */
  deliver(payload: Uint8Array, peer = PEER): void {
    const slot = new Uint8Array(new SharedArrayBuffer(payload.length + 8)).fill(0xc1);
    slot.set(payload, 4);
    this.service.received(slot, 4, 4 + payload.length, peer);
    slot.fill(0);
  }

  ask(...request: unknown[]): void {
    this.deliver(packr.pack(request));
  }
}

const echo: DatagramResponder = ({ path, body }: IncomingDatagram) => ({ path, body: body ?? "none" });

async function settle(): Promise<void> {
  for (let link = 0; link < 20; link++) await Promise.resolve();
}

test("a request is answered under its id, with or without a body", () => {
  const bench = new Bench(echo);
  bench.ask(7, "/a");
  bench.ask(0xffffffff, "/ü", { a: [1, "é", null, true, 1.5], b: Buffer.from([1, 2]) });
  bench.ask(0x1234, "", null);
  bench.ask(200, "x".repeat(1000), 0);
  assert.equal(bench.answers, [
    [7, 200, { path: "/a", body: "none" }],
    [0xffffffff, 200, { path: "/ü", body: { a: [1, "é", null, true, 1.5], b: Buffer.from([1, 2]) } }],
    [0x1234, 200, { path: "", body: "none" }],
    [200, 200, { path: "x".repeat(1000), body: 0 }],
  ]);
  assert.is(bench.service.counters.requests, 4);
  assert.is(bench.service.counters.answers, 4);
});

test("what the responder was given stays as it was after the packet is gone", () => {
  const kept: IncomingDatagram[] = [];
  const bench = new Bench((request) => {
    kept.push(request);
  });
  bench.ask(1, "/a-path-that-is-long-enough-to-be-a-slice", {
    bytes: Buffer.from("hello"),
    text: "x".repeat(100),
  });
  bench.ask(2, "/b", { bytes: Buffer.from("HELLO"), text: "y".repeat(100) });
  const [first] = kept;
  assert.is(first!.path, "/a-path-that-is-long-enough-to-be-a-slice");
  assert.equal(first!.body, { bytes: Buffer.from("hello"), text: "x".repeat(100) });
  assert.is(first!.source, PEER);
  assert.equal(bench.answers, [
    [1, 200, null],
    [2, 200, null],
  ]);
});

test("answers that come late go to the peer who asked, in their own order", async () => {
  const resolvers: ((value: unknown) => void)[] = [];
  const bench = new Bench(() => new Promise((resolve) => resolvers.push(resolve)));
  const other = { ...PEER, sourcePort: 1 };
  bench.ask(1, "/");
  bench.deliver(packr.pack([2, "/"]), other);
  assert.is(bench.service.inFlight, 2);
  resolvers[1]!("second");
  await settle();
  resolvers[0]!("first");
  await settle();
  assert.equal(bench.answers, [
    [2, 200, "second"],
    [1, 200, "first"],
  ]);
  assert.equal(bench.peers, [other, PEER]);
  assert.is(bench.service.inFlight, 0);
});

test("an answer with a status of its own has it", async () => {
  const bench = new Bench(({ id }) => {
    const answer = new DatagramAnswer(404, { what: "no such thing" });
    return id === 1 ? answer : Promise.resolve(answer);
  });
  bench.ask(1, "/");
  bench.ask(2, "/");
  await settle();
  assert.equal(bench.answers, [
    [1, 404, { what: "no such thing" }],
    [2, 404, { what: "no such thing" }],
  ]);
});

test("a responder that throws, rejects or gives what cannot be carried is answered 500", async () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const broken: DatagramResponder[] = [
    () => {
      throw new Error("thrown");
    },
    () => Promise.reject(new Error("rejected")),
    () => cycle,
    () => 2n ** 70n,
  ];
  for (const respond of broken) {
    const bench = new Bench(respond);
    bench.ask(9, "/");
    await settle();
    assert.equal(bench.answers, [[9, 500, "failed"]]);
    assert.is(bench.service.counters.failures, 1);
    assert.is(bench.service.inFlight, 0);
  }
});

test("an answer, exactly as large as a datagram, is sent; one byte more is too_large", () => {
  const bench = new Bench(({ body }) => "x".repeat(body as number));
  // [1, 200, str 16]: 1 + 1 + 2 + 3 bytes beside the text.
  bench.ask(1, "/", PEER.maxAnswerBytes - 7);
  bench.ask(2, "/", PEER.maxAnswerBytes - 6);
  assert.is(bench.sizes[0], PEER.maxAnswerBytes);
  assert.equal(bench.answers[1], [2, 500, "too_large"]);
  assert.is(bench.service.counters.tooLarge, 1);
});

test("requests beyond the limit in progress are refused, and taken again when there is room", async () => {
  const resolvers: (() => void)[] = [];
  const bench = new Bench(() => new Promise<void>((resolve) => resolvers.push(resolve)), 2);
  for (const id of [1, 2, 3]) bench.ask(id, "/");
  assert.equal(bench.answers, [[3, 503, "busy"]]);
  assert.is(bench.service.counters.busy, 1);
  resolvers[0]!();
  await settle();
  bench.ask(4, "/");
  assert.is(resolvers.length, 3);
});

test("requests with a readable id and something wrong behind it are told so", () => {
  const bench = new Bench(() => assert.unreachable());
  const wrong: unknown[][] = [
    [1, null],
    [1, true],
    [1, ["/"]],
    [1, { path: "/" }],
    [1, Buffer.from("/")],
    [1, "x".repeat(1025)],
    [1, "/", new Date(0)],
    [1, "/", new Map([[1, 2]])],
  ];
  for (const request of wrong) bench.ask(...request);
  const whole = packr.pack([1, "/path", { a: [1, 2, 3] }]);
  for (let length = 3; length < whole.length; length++) bench.deliver(whole.subarray(0, length));
  bench.deliver(Buffer.concat([whole, Buffer.from([0xc0])]));
  bench.deliver(Uint8Array.from([0x93, 1, 0xa1, 0x2f, 0xdd, 0xff, 0xff, 0xff, 0xff]));
  bench.deliver(Uint8Array.from([0x93, 1, 0xa1, 0x2f, ...Array<number>(1000).fill(0x91), 0xc0]));
  assert.ok(bench.answers.length > 20);
  for (const answer of bench.answers) assert.equal(answer, [1, 400, "malformed"]);
  assert.is(bench.service.counters.malformed, bench.answers.length);
  assert.is(bench.service.counters.requests, 0);
});

test("what is no request, or has no readable id, gets no answer", () => {
  const bench = new Bench(() => assert.unreachable());
  const others: unknown[] = [
    null,
    1,
    "x",
    {},
    [],
    [1],
    ["1", "/"],
    [-1, "/"],
    [1.5, "/"],
    [2 ** 32, "/"],
    [null, "/"],
  ];
  others.push([1, "/", 2, 3]);
  for (const other of others) bench.deliver(packr.pack(other));
  for (const bytes of [
    [],
    [0x92],
    [0x93, 0xce, 0, 0],
    [0x92, 0xcc],
    [0xdd, 0, 0, 0, 2, 1, 0xa0],
    [0x92, 0x01],
  ]) {
    bench.deliver(Uint8Array.from(bytes));
  }
  assert.equal(bench.answers, []);
  assert.is(bench.service.counters.ignored, others.length + 6);
});

test("an answer is never answered, not even an error to an error", () => {
  const bench = new Bench(echo);
  for (const answer of [
    [1, 200, "x"],
    [1, 400, "malformed"],
    [1, 500, "too_large"],
    [1, -1, 0],
    [1, 1.5, 0],
    [1, 70_000],
  ]) {
    bench.deliver(packr.pack(answer));
  }
  assert.equal(bench.answers, []);
  assert.is(bench.service.counters.ignored, 6);
});

test("a key called __proto__ changes no prototype", () => {
  let body: unknown;
  const bench = new Bench((request) => {
    body = request.body;
  });
  bench.deliver(
    Buffer.concat([
      Uint8Array.from([0x93, 1, 0xa1, 0x2f]),
      packr.pack(JSON.parse('{"__proto__":{"admin":1}}')),
    ]),
  );
  assert.is(bench.service.counters.requests, 1);
  assert.is(Object.getPrototypeOf(body), Object.prototype);
  assert.is((body as { admin?: unknown }).admin, undefined);
  assert.is(({} as { admin?: unknown }).admin, undefined);
});

test("random and mutated datagrams throw nothing, and each is counted once", () => {
  const bench = new Bench(echo);
  const seeds = [
    [1, "/a"],
    [2, "/b", { a: [1, 2, { b: "c" }], d: 1.5 }],
    [70_000, "/c", "x".repeat(40)],
  ].map((one) => packr.pack(one));
  let state = 42;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
  const runs = 20_000;
  for (let run = 0; run < runs; run++) {
    const bytes = Buffer.from(seeds[random(seeds.length)]!);
    for (let mutations = random(4); mutations > 0; mutations--) bytes[random(bytes.length)] = random(256);
    bench.deliver(random(8) === 0 ? bytes.subarray(0, random(bytes.length + 1)) : bytes);
  }
  const { requests, malformed, ignored, failures, answers } = bench.service.counters;
  assert.is(requests + malformed + ignored, runs);
  assert.is(answers, requests + malformed);
  assert.is(failures, 0);
  assert.ok(requests > 1000 && malformed > 1000 && ignored > 1000, `${requests} ${malformed} ${ignored}`);
});

test.run();
