// Files in memory: conditions, parts, codings, and what a client is told to keep.

import { syncBuiltinESMExports } from "node:module";
import zlib, { brotliDecompressSync, gunzipSync } from "node:zlib";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type HttpRequest, type HttpResponse, StaticFile } from "../../../workers/app/app.js";
import { namesTag } from "../../../workers/files/entity-tag.js";
import { RequestHeaders } from "../../../workers/http/request-headers.js";
import { patternBytes } from "../../support/test-app.js";

const TEXT = "a limpet always returns to its own spot on the rock\n".repeat(40);
const CSS = new StaticFile(TEXT, { type: "text/css; charset=utf-8", maxAgeS: 60, headers: { "x-a": "1" } });
const PICTURE = new StaticFile(
  Uint8Array.from({ length: 1000 }, (_, index) => index),
  { type: "image/png" },
);

function ask(
  file: StaticFile,
  fields: Readonly<Record<string, string>> = {},
  method = "GET",
): Promise<HttpResponse> | HttpResponse {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = { method, headers: new RequestHeaders(lines.join(""), 0) };
  return file.answer(request as unknown as HttpRequest);
}

function bytesOf(response: HttpResponse): Buffer {
  return Buffer.from(response.body as Uint8Array);
}

async function tagOf(file: StaticFile, fields: Readonly<Record<string, string>> = {}): Promise<string> {
  return (await ask(file, fields)).headers.get("etag")!;
}

test("a file, asked for without conditions, is whole, with what a client may keep of it", async () => {
  const response = await ask(CSS);
  assert.is(response.status, 200);
  assert.equal(Object.fromEntries(response.headers), {
    "content-type": "text/css; charset=utf-8",
    "cache-control": "public, max-age=60",
    etag: response.headers.get("etag"),
    vary: "accept-encoding",
    "accept-ranges": "bytes",
    "x-a": "1",
  });
  assert.match(response.headers.get("etag")!, /^"[\w-]{22}"$/);
  assert.is(bytesOf(response).toString(), TEXT);
  assert.is((await ask(PICTURE)).headers.get("cache-control"), "no-cache");
});

test("a file, asked for by another method than GET and HEAD, is 405 with those that there are", async () => {
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "get"]) {
    const response = await ask(CSS, {}, method);
    assert.equal([response.status, response.headers.get("allow")], [405, "GET, HEAD"], method);
  }
  assert.is((await ask(CSS, {}, "HEAD")).status, 200);
});

test("a coding, that the client takes, is made once, is smaller, and decodes to the file", async () => {
  for (const [coding, decode] of [
    ["br", brotliDecompressSync],
    ["gzip", gunzipSync],
  ] as const) {
    const fields = { "accept-encoding": coding };
    const file = new StaticFile(TEXT, { type: "text/plain" });
    const [first, second] = [ask(file, fields), ask(file, fields)];
    assert.ok(first instanceof Promise);
    assert.is(await first, await second);
    const response = ask(file, fields) as HttpResponse;
    assert.is(response, await first, "now without a promise");
    assert.is(response.headers.get("content-encoding"), coding);
    assert.is(response.headers.get("vary"), "accept-encoding");
    assert.ok(bytesOf(response).length < TEXT.length / 2);
    assert.is(decode(bytesOf(response)).toString(), TEXT);
  }
});

test("a coding, that could not be made, is made for whoever asks next", async () => {
  const fields = { "accept-encoding": "gzip" };
  const file = new StaticFile(TEXT, { type: "text/plain" });
  const { gzip } = zlib;
  const failing = (_bytes: unknown, _options: unknown, done: (error: Error) => void) =>
    done(new Error("no memory"));
  zlib.gzip = failing as unknown as typeof gzip;
  syncBuiltinESMExports();
  try {
    const error = await Promise.resolve(ask(file, fields)).catch((reason) => reason);
    assert.match(String(error), "no memory");
  } finally {
    zlib.gzip = gzip;
    syncBuiltinESMExports();
  }
  assert.is((await ask(file, fields)).headers.get("content-encoding"), "gzip");
});

test("a coding, of what is short, or compressed by itself, or does not become smaller, is none", async () => {
  const fields = { "accept-encoding": "br, gzip" };
  const short = new StaticFile("a".repeat(255), { type: "text/plain" });
  const noise = patternBytes(300);
  for (const [file, vary] of [
    [short, null],
    [PICTURE, null],
    [new StaticFile(noise, { type: "text/plain" }), "accept-encoding"],
  ] as const) {
    const response = await ask(file, fields);
    assert.is(response.headers.get("content-encoding"), null);
    assert.is(response.headers.get("vary"), vary);
    assert.is(response.headers.get("etag"), await tagOf(file));
  }
  for (const type of ["image/svg+xml", "application/json", "application/ld+json; a=b", "text/html"]) {
    const response = await ask(new StaticFile(TEXT, { type }), fields);
    assert.is(response.headers.get("content-encoding"), "br", type);
  }
});

test("entity tags are of the bytes: another for each coding and content, the same for the same", async () => {
  const same = new StaticFile(Buffer.from(TEXT), { type: "text/plain" });
  const tags = await Promise.all(["", "br", "gzip"].map((one) => tagOf(CSS, { "accept-encoding": one })));
  assert.is(new Set(tags).size, 3);
  assert.is(await tagOf(same), tags[0]);
  assert.is.not(await tagOf(new StaticFile(`${TEXT}.`, { type: "text/plain" })), tags[0]);
});

test("If-None-Match, that names what the client would get, is 304 with what it may keep, and nothing else", async () => {
  for (const coding of ["identity", "br"]) {
    const fields = { "accept-encoding": coding };
    const etag = await tagOf(CSS, fields);
    for (const tags of [etag, `W/${etag}`, `"a,b" , ${etag}`, "*"]) {
      const response = await ask(CSS, { ...fields, "if-none-match": tags });
      assert.equal([response.status, response.body], [304, null], tags);
      assert.equal(Object.fromEntries(response.headers), {
        etag,
        "cache-control": "public, max-age=60",
        vary: "accept-encoding",
        "x-a": "1",
      });
    }
    const others = await ask(CSS, { ...fields, "if-none-match": `"other", ${etag.slice(1)}` });
    assert.is(others.status, 200);
  }
  const ofPlain = { "accept-encoding": "br", "if-none-match": await tagOf(CSS) };
  assert.is((await ask(CSS, ofPlain)).status, 200, "what it has is another representation");
});

test("If-Match, that does not name it strongly, is 412, before all other conditions", async () => {
  const etag = await tagOf(CSS);
  for (const [tags, status] of [
    [etag, 200],
    ["*", 200],
    [`"other", ${etag}`, 200],
    [`W/${etag}`, 412],
    ['"other"', 412],
    ["", 412],
  ] as const) {
    const response = await ask(CSS, { "if-match": tags });
    assert.is(response.status, status, tags);
  }
  assert.is((await ask(CSS, { "if-match": '"other"', "if-none-match": etag })).status, 412);
  assert.is((await ask(CSS, { "if-match": etag, "if-none-match": etag })).status, 304);
});

test("conditions on dates are passed over, as there is none", async () => {
  const date = "Fri, 02 Jan 2026 03:04:05 GMT";
  const fields = { "if-modified-since": date, "if-unmodified-since": "Thu, 01 Jan 1970 00:00:00 GMT" };
  assert.is((await ask(CSS, fields)).status, 200);
  assert.is((await ask(CSS, { range: "bytes=0-1", "if-range": date })).status, 200);
});

test("Range is 206 with the part, and where it lies in what is sent", async () => {
  for (const coding of ["identity", "gzip"]) {
    const fields = { "accept-encoding": coding };
    const whole = await ask(CSS, fields);
    const bytes = bytesOf(whole);
    const response = await ask(CSS, { ...fields, range: "bytes=5-9" });
    assert.is(response.status, 206);
    assert.ok(bytesOf(response).equals(bytes.subarray(5, 10)));
    assert.equal(Object.fromEntries(response.headers), {
      ...Object.fromEntries(whole.headers),
      "content-range": `bytes 5-9/${bytes.length}`,
    });
  }
});

test("Range, that there is nothing of, is 416 with the length", async () => {
  const response = await ask(PICTURE, { range: "bytes=1000-" });
  assert.equal([response.status, response.headers.get("content-range")], [416, "bytes */1000"]);
});

test("Range, of HEAD, or several, or not valid, is the whole", async () => {
  assert.is((await ask(PICTURE, { range: "bytes=0-1" }, "HEAD")).status, 200);
  for (const range of ["bytes=0-1,3-4", "bytes=2-1", "nonsense"])
    assert.is((await ask(PICTURE, { range })).status, 200, range);
});

test("If-Range, that is not the tag itself, is the whole; If-None-Match comes before", async () => {
  const etag = await tagOf(PICTURE);
  const range = "bytes=0-1";
  assert.is((await ask(PICTURE, { range, "if-range": etag })).status, 206);
  for (const other of [`W/${etag}`, '"other"', "*", `${etag}, "other"`])
    assert.is((await ask(PICTURE, { range, "if-range": other })).status, 200, other);
  assert.is((await ask(PICTURE, { range, "if-none-match": etag })).status, 304);
  const ofPlain = { range, "accept-encoding": "br", "if-range": await tagOf(CSS) };
  assert.is((await ask(CSS, ofPlain)).status, 200, "parts of two representations are never put together");
});

test("parts, of whatever sizes, put together are the whole", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 400 }), async (partBytes) => {
      const parts: Buffer[] = [];
      for (let start = 0; start < 1000; start += partBytes)
        parts.push(bytesOf(await ask(PICTURE, { range: `bytes=${start}-${start + partBytes - 1}` })));
      assert.ok(Buffer.concat(parts).equals(bytesOf(await ask(PICTURE))));
    }),
    { seed: 7, numRuns: 50 },
  );
});

test("lists of tags are read as they are written", () => {
  const etag = '"a"';
  for (const [field, isNamed] of [
    ['"a"', true],
    [' "a" ', true],
    ['"b","a"', true],
    ['"b" ,\t"a" ,', true],
    [',,"a"', true],
    ['W/"a"', true],
    ['"b,"a""', false],
    ['"a', false],
    ["a", false],
    ['w/"a"', false],
    ['"b" "a"', false],
    ['b, "a"', false],
    ['"\x01", "a"', false],
    ["", false],
    [`"a",${" ".repeat(16_000)}x`, true],
    [`"b",${" ".repeat(16_000)}x`, false],
    [`"b"${" ".repeat(16_000)},"a"`, true],
  ] as const)
    assert.is(namesTag(field, etag, true), isNamed, field);
  assert.not(namesTag('W/"a"', etag, false));
  assert.not(namesTag(`${'"b",'.repeat(2000)}"c"`, etag, true));
});

test.run();
