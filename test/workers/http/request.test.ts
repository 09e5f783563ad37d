// The request as an app sees it, and the property that what a client serialises is what the app reads.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { HttpRequest } from "../../../workers/http/request.js";
import { HttpResponse } from "../../../workers/http/response.js";
import { HttpServer } from "../../../workers/http/server.js";
import { FakeStream } from "../../support/fake-stream.js";

const SEED = 20260102;

/** What the app is given for these bytes. The fake stream wipes them before this returns. */
function parse(...pieces: string[]): HttpRequest {
  const seen: HttpRequest[] = [];
  const server = new HttpServer(
    {},
    (request) => {
      seen.push(request);
      return HttpResponse.text("x");
    },
    () => 0,
  );
  const stream = new FakeStream(server);
  for (const piece of pieces) stream.deliver(piece);
  if (seen.length !== 1) throw new Error(`${seen.length} requests; the answer was ${stream.output}`);
  return seen[0]!;
}

function get(target: string, fields = "Host: a.example:80\r\n"): HttpRequest {
  return parse(`GET ${target} HTTP/1.1\r\n${fields}\r\n`);
}

function post(body: string, fields = ""): HttpRequest {
  return parse(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`);
}

test("url, path, query and target, of each form of target", () => {
  const cases: [string, string, string, string][] = [
    ["/a%20b/../c?d=1&e=%2F", "http://a.example:80/a%20b/../c?d=1&e=%2F", "/a%20b/../c", "d=1&e=%2F"],
    ["/", "http://a.example:80/", "/", ""],
    ["/?", "http://a.example:80/?", "/", ""],
    ["/a?b?c", "http://a.example:80/a?b?c", "/a", "b%3Fc="],
    ["//b/c", "http://a.example:80//b/c", "//b/c", ""],
    ["http://b:1/x?y=z", "http://b:1/x?y=z", "/x", "y=z"],
    ["HTTPS://b?y=z", "https://b/?y=z", "/", "y=z"],
    ["http://b", "http://b/", "/", ""],
  ];
  for (const [target, url, path, query] of cases) {
    const request = get(target);
    assert.is(request.url, url);
    assert.is(request.path, path);
    assert.is(request.query.toString(), query);
    assert.is(request.target, target);
    assert.is(request.query, request.query, "made once");
  }
});

test("url, of OPTIONS *, has no path; of HTTP/1.0 without Host, is of localhost", () => {
  const options = parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.is(options.url, "http://a");
  assert.is(options.path, "*");
  assert.is(parse("GET /x HTTP/1.0\r\n\r\n").url, "http://localhost/x");
  const absolute = parse("OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.is(absolute.url, "http://b");
});

test("headers, looked up in any case, are found, trimmed and joined", () => {
  const { headers } = get(
    "/",
    "Host: a\r\nX-One: \t 1 \r\nx-one:2\r\nEmpty:\r\nX-Latin: \xa0\xfc\xa0\r\nHostess: b\r\n",
  );
  assert.is(headers.get("HOST"), "a");
  assert.is(headers.get("x-ONE"), "1, 2");
  assert.is(headers.get("empty"), "");
  assert.is(headers.get("x-latin"), "\xa0\xfc\xa0", "a no-break space is no white space here");
  assert.is(headers.get("hostes"), null);
  assert.is(headers.get(""), null);
  assert.is(headers.get("x-one:2"), null);
  assert.ok(headers.has("empty"));
  assert.not(headers.has("one"));
  const all = [
    ["host", "a"],
    ["x-one", "1, 2"],
    ["empty", ""],
    ["x-latin", "\xa0\xfc\xa0"],
    ["hostess", "b"],
  ];
  assert.equal([...headers], all);
  assert.equal([...headers.entries()], all);
  assert.equal(
    [...headers.keys()],
    all.map(([name]) => name),
  );
  assert.equal(
    [...headers.values()],
    all.map(([, value]) => value),
  );
  const visited: [string, string][] = [];
  headers.forEach((value, name) => {
    visited.push([name, value]);
  });
  assert.equal(visited, all);
});

test("cookie, among several, is the first of exactly that name", () => {
  const request = get(
    "/",
    'Host: a\r\nCookie: aid=0; id=1;id=2; q="x y" ; empty=; =nameless; flag; last=a=b \r\n',
  );
  assert.is(request.cookie("id"), "1");
  assert.is(request.cookie("aid"), "0");
  assert.is(request.cookie("q"), "x y");
  assert.is(request.cookie("empty"), "");
  assert.is(request.cookie("last"), "a=b");
  assert.is(request.cookie("ID"), null);
  assert.is(request.cookie("i"), null);
  assert.is(request.cookie("flag"), null);
  assert.is(request.cookie("y"), null);
  assert.is(request.cookie("id=1"), null);
});

test("cookie, with none, one that is empty, or several fields", () => {
  assert.is(get("/").cookie("id"), null);
  assert.is(get("/", "Host: a\r\nCookie:\r\nX: id=1\r\n").cookie("id"), null);
  const several = get("/", "Host: a\r\nCookie: a=1\r\nX: y\r\ncookie: id=2\r\n");
  assert.is(several.cookie("id"), "2");
  assert.is(several.headers.get("Cookie"), "a=1; id=2");
});

test("the body, in each form", async () => {
  const utf8 = Buffer.from('{"a":"ü😀"}', "utf8").toString("latin1");
  const request = post(utf8);
  assert.is(await request.text(), '{"a":"ü😀"}');
  assert.equal(await request.json(), { a: "ü😀" });
  assert.is(Buffer.from(await request.bytes()).toString("latin1"), utf8);
  assert.is(Buffer.from(await request.arrayBuffer()).toString("latin1"), utf8);
  assert.is(await post("\xef\xbb\xbfx").text(), "x", "without its byte order mark");
  assert.is(await post("\xff").text(), "\ufffd");
  assert.is(await get("/").text(), "");
  assert.is((await get("/").bytes()).length, 0);
});

test("json, of what is none, rejects", async () => {
  for (const body of ["", "{", "nonsense"]) {
    let error: unknown;
    await post(body)
      .json()
      .catch((reason: unknown) => {
        error = reason;
      });
    assert.instance(error, SyntaxError);
  }
});

test("form, of a form, has its fields; of anything else, rejects", async () => {
  for (const type of [
    "application/x-www-form-urlencoded",
    "Application/X-WWW-Form-Urlencoded; charset=utf-8",
  ]) {
    const form = await post("name=J%C3%BCrg+X&a=1&a=2", `Content-Type: ${type}\r\n`).form();
    assert.is(form.get("name"), "Jürg X");
    assert.equal(form.getAll("a"), ["1", "2"]);
  }
  for (const type of ["text/plain", "application/x-www-form-urlencodedx", "multipart/form-data"]) {
    let error: unknown;
    await post("a=1", `Content-Type: ${type}\r\n`)
      .form()
      .catch((reason: unknown) => {
        error = reason;
      });
    assert.instance(error, TypeError);
  }
});

test("the source is the connection's", () => {
  assert.is(get("/").sourceAddress, "192.0.2.7");
  assert.is(get("/").sourcePort, 40_007);
});

test("any valid request, serialised and cut anywhere, is read as it was meant", async () => {
  const tokenCharacter = fc.constantFrom(..."!#$%&'*+-.^_`|~09azAZ");
  const token = fc.string({ unit: tokenCharacter, minLength: 1, maxLength: 12 });
  const pathCharacter = fc.constantFrom(..."abz09-._~!$&'()*+,;=:@/%|\"<>");
  const path = fc.string({ unit: pathCharacter, maxLength: 30 }).map((rest) => `/${rest}`);
  const valueCharacter = fc.constantFrom(...'ab Z09\t:;,="\xe9\xff');
  const value = fc
    .string({ unit: valueCharacter, maxLength: 20 })
    .map((raw) => raw.replace(/^[ \t]+|[ \t]+$/g, ""));
  const bytes = fc.uint8Array({ maxLength: 300 });
  const meant = fc.record({
    method: token.filter((method) => method !== "CONNECT"),
    path,
    query: fc.option(fc.string({ unit: pathCharacter, maxLength: 20 })),
    // A name that cannot meet one that means something to the server.
    fields: fc.array(
      fc.tuple(
        token.map((name) => `x-${name}`),
        value,
      ),
      { maxLength: 8 },
    ),
    body: bytes,
    chunkBytes: fc.option(fc.integer({ min: 1, max: 50 })),
    cuts: fc.array(fc.nat(800), { maxLength: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(meant, async ({ method, path, query, fields, body, chunkBytes, cuts }) => {
      const target = query === null ? path : `${path}?${query}`;
      const text = Buffer.from(body).toString("latin1");
      const framing = chunkBytes === null ? `content-length: ${body.length}` : "transfer-encoding: chunked";
      const lines = fields.map(([name, content]) => `${name}: ${content}\r\n`).join("");
      const content = chunkBytes === null ? text : chunked(text, chunkBytes);
      const whole = `${method} ${target} HTTP/1.1\r\nhost: h\r\n${framing}\r\n${lines}\r\n${content}`;
      const request = parse(...pieces(whole, cuts));
      assert.is(request.method, method);
      assert.is(request.url, `http://h${target}`);
      assert.is(request.path, path);
      assert.is(Buffer.from(await request.bytes()).toString("latin1"), text);
      const expected = new Map<string, string>();
      for (const [name, content] of fields) {
        const before = expected.get(name.toLowerCase());
        expected.set(name.toLowerCase(), before === undefined ? content : `${before}, ${content}`);
      }
      assert.equal([...request.headers].slice(2), [...expected]);
    }),
    { seed: SEED, numRuns: 400 },
  );
});

function chunked(text: string, chunkBytes: number): string {
  let chunks = "";
  for (let at = 0; at < text.length; at += chunkBytes) {
    const chunk = text.slice(at, at + chunkBytes);
    chunks += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
  }
  return `${chunks}0\r\n\r\n`;
}

function pieces(whole: string, cuts: readonly number[]): string[] {
  const sorted = [0, ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length];
  return sorted.slice(1).map((end, index) => whole.slice(sorted[index], end));
}

test.run();
