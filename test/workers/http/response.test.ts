// The response as an app makes it: kinds, fields, and what is refused before it can do harm.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { HttpResponse } from "../../../workers/http/response.js";
import { HttpServer } from "../../../workers/http/server.js";
import { FakeStream } from "../../support/fake-stream.js";

test("the kinds of responses have their types, unless told otherwise", () => {
  assert.is(new HttpResponse("x").headers.get("content-type"), "text/plain; charset=utf-8");
  assert.is(HttpResponse.text("x").headers.get("content-type"), "text/plain; charset=utf-8");
  assert.is(HttpResponse.html("x").headers.get("Content-Type"), "text/html; charset=utf-8");
  assert.is(HttpResponse.json([1]).headers.get("content-type"), "application/json");
  assert.is(new HttpResponse(new Uint8Array(1)).headers.get("content-type"), null);
  assert.is(new HttpResponse().headers.get("content-type"), null);
  const own = { headers: { "CONTENT-TYPE": "text/plain; charset=utf-8" } };
  for (const response of [
    HttpResponse.html("x", own),
    HttpResponse.json(1, own),
    HttpResponse.text("x", own),
  ]) {
    assert.is(response.headers.get("content-type"), "text/plain; charset=utf-8");
  }
  assert.is(
    HttpResponse.html("x", { status: 404, headers: { "x-a": "1" } }).headers.get("content-type"),
    "text/html; charset=utf-8",
  );
});

test("json is serialised; what has no JSON form is refused", () => {
  assert.is(HttpResponse.json({ a: [1, "ü"] }).body, '{"a":[1,"ü"]}');
  assert.throws(
    () => HttpResponse.json(undefined),
    (error: unknown) => error instanceof TypeError,
  );
});

test("redirect has a location and no body", () => {
  const response = HttpResponse.redirect("/x?y=1", 303);
  assert.is(response.status, 303);
  assert.is(response.headers.get("location"), "/x?y=1");
  assert.is(response.body, null);
  assert.is(HttpResponse.redirect("/").status, 302);
  assert.throws(
    () => HttpResponse.redirect("/", 200 as 302),
    (error: unknown) => error instanceof RangeError,
  );
  assert.throws(
    () => HttpResponse.redirect("/\r\nSet-Cookie: a=1"),
    (error: unknown) => error instanceof TypeError,
  );
});

test("statuses outside of 200 to 599 are refused", () => {
  for (const status of [0, 99, 100, 101, 199, 600, 200.5, Number.NaN, "200" as unknown as number]) {
    assert.throws(
      () => new HttpResponse("x", { status }),
      (error: unknown) => error instanceof RangeError,
    );
  }
  for (const status of [200, 299, 404, 599]) assert.is(new HttpResponse("x", { status }).status, status);
});

test("bodies that are none are refused", () => {
  for (const body of [1, {}, [1], true, new ArrayBuffer(1)]) {
    assert.throws(
      () => new HttpResponse(body as unknown as string),
      (error: unknown) => error instanceof TypeError,
    );
  }
});

test("names and values that could begin another line are refused, wherever they are set", () => {
  const names = ["", " ", "a b", "a:", "a\r\nb", "ü", "a\0"];
  const values = ["a\r\nb: c", "a\nb", "a\rb", "a\0b", "\x7f", "\u2028", "日"];
  const bad = [...names.map((name) => [name, "x"]), ...values.map((value) => ["x-a", value])] as [
    string,
    string,
  ][];
  for (const [name, value] of [...bad, ["content-type", "a\r\nb"], ["x", 1 as unknown as string]] as [
    string,
    string,
  ][]) {
    const isTypeError = (error: unknown) => error instanceof TypeError;
    assert.throws(() => new HttpResponse("", { headers: { [name]: value } }), isTypeError);
    assert.throws(() => new HttpResponse("", { headers: [[name, value]] }), isTypeError);
    assert.throws(() => new HttpResponse("").headers.set(name, value), isTypeError);
    assert.throws(() => new HttpResponse("").headers.append(name, value), isTypeError);
    assert.throws(() => new HttpResponse("").withAppendedHeader(name, value), isTypeError);
  }
});

test("an app that tries to split the response gets a 500", () => {
  const server = new HttpServer(
    {},
    (request) => HttpResponse.redirect(decodeURIComponent(request.query.get("to")!)),
    () => 0,
  );
  const stream = new FakeStream(server);
  stream.deliver("GET /?to=%2F%0D%0ASet-Cookie%3A%20a%3D1 HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(stream.output, /^HTTP\/1\.1 500 /);
  assert.not.match(stream.output, "Set-Cookie");
});

test("fields are set, appended, read and deleted as fetch does it", () => {
  const { headers } = new HttpResponse(null, {
    headers: [
      ["X-A", "1"],
      ["x-a", "2"],
    ],
  });
  assert.is(headers.get("X-a"), "1, 2");
  headers.set("x-A", "3");
  assert.is(headers.get("x-a"), "3");
  headers.append("Set-Cookie", "a=1");
  headers.append("set-cookie", "b=2");
  assert.equal(headers.getSetCookie(), ["a=1", "b=2"]);
  assert.equal(
    [...headers],
    [
      ["x-a", "3"],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ],
  );
  headers.delete("SET-COOKIE");
  assert.not(headers.has("set-cookie"));
  headers.set("content-type", "a/b");
  headers.set("Content-Type", "c/d");
  assert.is(headers.get("content-type"), "c/d");
  headers.delete("Content-Type");
  assert.not(headers.has("content-type"));
  assert.equal([...headers], [["x-a", "3"]]);
});

test("fields that frame the message are the server's alone", () => {
  const server = new HttpServer(
    {},
    () => {
      const headers = {
        "Content-Length": "999",
        "transfer-encoding": "chunked",
        Connection: "x",
        Date: "now",
        Upgrade: "h2c",
      };
      return HttpResponse.text("hello", { headers });
    },
    () => 0,
  );
  const stream = new FakeStream(server);
  stream.deliver("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const date = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
  const type = "Content-Type: text/plain; charset=utf-8\r\n";
  assert.is(stream.output, `HTTP/1.1 200 OK\r\n${date}${type}Content-Length: 5\r\n\r\nhello`);
});

test("a copy with one field more leaves the response as it is", () => {
  const original = HttpResponse.html("x", { status: 201, headers: { "x-a": "1", connection: "close" } });
  const copy = original.withAppendedHeader("set-cookie", "id=1").withAppendedHeader("set-cookie", "b=2");
  assert.not(original.headers.has("set-cookie"));
  assert.equal(copy.headers.getSetCookie(), ["id=1", "b=2"]);
  assert.is(copy.status, 201);
  assert.is(copy.body, "x");
  assert.is(copy.headers.get("content-type"), "text/html; charset=utf-8");
  assert.is(copy.headers.get("x-a"), "1");
  assert.ok(copy.headers.closes);
});

test("a Response that is used already is refused", async () => {
  const response = new Response("x");
  await response.text();
  assert.throws(
    () => HttpResponse.from(response),
    (error: unknown) => error instanceof TypeError,
  );
  assert.is(HttpResponse.from(new Response(null, { status: 204 })).body, null);
});

test.run();
