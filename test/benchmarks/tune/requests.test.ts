// Files of requests: what they may have, what is said about what they may not, and how often each is sent.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../../benchmarks/support/random.js";
import { weighted } from "../../../benchmarks/tune/request-load.js";
import { parseRequests, readRequests } from "../../../benchmarks/tune/requests.js";

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.is((error as { code?: string }).code, "invalid_requests");
    return (error as Error).message;
  }
  throw new Error("it was taken");
}

test("request, is a GET of weight 1 unless it says otherwise", () => {
  assert.equal(parseRequests('[{"path": "/a?b=c"}]', "file"), [
    { method: "GET", path: "/a?b=c", headers: {}, weight: 1 },
  ]);
});

test("body, is text as it is, and everything else JSON with its type", () => {
  const bodyOf = (request: object) => {
    const [one] = parseRequests(JSON.stringify([{ path: "/", method: "POST", ...request }]), "file");
    return [one!.body, one!.headers["content-type"]];
  };
  assert.equal(bodyOf({ body: "a=b" }), ["a=b", undefined]);
  assert.equal(bodyOf({ body: { a: 1 } }), ['{"a":1}', "application/json"]);
  assert.equal(bodyOf({ body: null }), ["null", "application/json"]);
  assert.equal(bodyOf({ body: [1], headers: { "Content-Type": "text/x" } }), ["[1]", undefined]);
});

test("what is wrong, is said in a sentence, with the request's index", () => {
  for (const [text, words] of [
    ["{", /^file is not JSON: /],
    ["{}", /^file: it must be a list$/],
    ["[]", /^file: it has no request$/],
    ['[{"path": "/"}, {}]', /^file: request 1 \(counted from 0\), path: /],
    [
      '[{"path": "x"}]',
      /^file: request 0 \(counted from 0\), path: takes a path that begins with \/ and has no blanks$/,
    ],
    ['[{"path": "/ x"}]', /has no blanks$/],
    ['[{"path": "/", "method": "get"}]', /method: takes a method in capitals$/],
    ['[{"path": "/", "weight": 0}]', /weight: takes a number above 0$/],
    ['[{"path": "/", "headers": {"a b": "c"}}]', /headers\.a b: takes a token$/],
    ['[{"path": "/", "headers": {"a": "c\\r\\nd: e"}}]', /headers\.a: takes one line of text$/],
    ['[{"path": "/", "wait": 1}]', /^file: request 0 \(counted from 0\), wait: /],
    ["[7]", /^file: request 0 \(counted from 0\): /],
  ] as const) {
    const message = messageOf(() => parseRequests(text, "file"));
    assert.match(message, words, text);
    assert.not.match(message, /\n/);
  }
  assert.match(
    messageOf(() => readRequests("/nowhere/at/all.json")),
    /^requests \(--requests\): .*ENOENT/,
  );
});

test("requests, are drawn as often as they weigh, and the same ones with one seed", () => {
  const draw = weighted(parseRequests('[{"path": "/a", "weight": 3}, {"path": "/b"}]', "file"));
  const drawn = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 4000 }, () => draw(random).path);
  };
  const share = drawn(1).filter((path) => path === "/a").length / 4000;
  assert.ok(Math.abs(share - 0.75) < 0.03, String(share));
  assert.equal(drawn(7), drawn(7));
});

test.run();
