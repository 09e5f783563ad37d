// The access log: a line for each request, whole lines in one file from several workers, and a log that cannot be written
// costs no request.

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { AccessLog } from "../../workers/access-log.js";
import type { HttpRequest } from "../../workers/http/request.js";
import { HttpResponse } from "../../workers/http/response.js";

const directory = mkdtempSync(join(tmpdir(), "limpet-access-log-"));
let count = 0;
const newFile = () => join(directory, `access-${++count}.log`);

/** A request as far as the log looks at it. */
function request(url = "/cart?item=5", method = "GET"): HttpRequest {
  return { method, url, sourceAddress: "192.0.2.7", sourcePort: 40_000 } as HttpRequest;
}

function linesOf(file: string): Record<string, unknown>[] {
  const text = readFileSync(file, "utf8");
  assert.ok(text === "" || text.endsWith("\n"));
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("a request, is a line of JSON, whether it is answered at once or later", async () => {
  const file = newFile();
  const log = AccessLog.open(file, 3);
  const now = HttpResponse.text("no such page: é", { status: 404 });
  const later = new HttpResponse(new Uint8Array(7));
  assert.is(log.around(() => now)(request()), now);
  assert.is(await log.around(async () => later)(request("/order", "POST")), later);
  log.close();
  const lines = linesOf(file);
  assert.is(lines.length, 2);
  const [first, second] = lines;
  assert.match(String(first!.time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.ok(typeof first!.ms === "number" && first!.ms >= 0);
  const { time: _, ms: __, ...rest } = first!;
  assert.equal(rest, {
    level: 30,
    worker: 3,
    source: "192.0.2.7",
    port: 40_000,
    method: "GET",
    url: "/cart?item=5",
    status: 404,
    bytes: 16,
  });
  assert.equal([second!.method, second!.url, second!.status, second!.bytes], ["POST", "/order", 200, 7]);
});

test("a response without a body or with a stream, has no bytes in its line", () => {
  const file = newFile();
  const log = AccessLog.open(file, 0);
  for (const body of [null, new ReadableStream<Uint8Array>()])
    log.around(() => new HttpResponse(body))(request());
  log.close();
  assert.equal(
    linesOf(file).map((line) => "bytes" in line),
    [false, false],
  );
});

test("a URL with anything in it, is one line", () => {
  const file = newFile();
  const log = AccessLog.open(file, 0);
  const url = `/"\\\n\r\u2028\u0000${"x".repeat(8_000)}`;
  log.around(() => HttpResponse.text(""))(request(url));
  log.close();
  assert.equal(
    linesOf(file).map((line) => line.url),
    [url],
  );
});

test("lines, are gathered, and written whole, between those of other workers", () => {
  const file = newFile();
  const logs = [0, 1, 2].map((worker) => AccessLog.open(file, worker));
  const respond = logs.map((log) => log.around(() => HttpResponse.text("")));
  respond[0]!(request());
  assert.is(readFileSync(file, "utf8"), "");
  for (let index = 0; index < 600; index++) respond[index % 3]!(request(`/${index}`));
  // What has been written by now: each worker's first lines, no half one among them.
  assert.ok(linesOf(file).length > 300);
  for (const log of logs) log.close();
  const lines = linesOf(file);
  assert.is(lines.length, 601);
  for (const worker of [0, 1, 2]) {
    const own = lines.filter((line) => line.worker === worker && line.url !== "/cart?item=5");
    assert.equal(
      own.map((line) => line.url),
      Array.from({ length: 200 }, (_, index) => `/${index * 3 + worker}`),
    );
  }
});

test("a log of a run before, is written on", () => {
  const file = newFile();
  for (const worker of [1, 2]) {
    const log = AccessLog.open(file, worker);
    log.around(() => HttpResponse.text(""))(request());
    log.close();
  }
  assert.equal(
    linesOf(file).map((line) => line.worker),
    [1, 2],
  );
});

test("a file that cannot be opened, throws", () => {
  assert.throws(() => AccessLog.open(join(directory, "missing", "access.log"), 0), /ENOENT/);
});

test("a responder that rejects, does so, without a line", async () => {
  const file = newFile();
  const log = AccessLog.open(file, 0);
  const failing = log.around(() => Promise.reject(new Error("out of luck")));
  let message = "";
  await Promise.resolve(failing(request())).catch((error: Error) => {
    message = error.message;
  });
  assert.is(message, "out of luck");
  log.close();
  assert.equal(linesOf(file), []);
});

test("an answer after the end, is given, without a line", () => {
  const file = newFile();
  const log = AccessLog.open(file, 0);
  log.close();
  log.close();
  assert.is((log.around(() => HttpResponse.text(""))(request()) as HttpResponse).status, 200);
  assert.equal(linesOf(file), []);
});

/** A device of Linux that takes nothing, as a full disk does. */
const testWithFullDevice = existsSync("/dev/full") ? test : test.skip;

testWithFullDevice(
  "a log that cannot be written, is told once, costs no request and no memory without end",
  () => {
    const faults: string[] = [];
    const log = AccessLog.open("/dev/full", 0, (error) => faults.push(error.message));
    const respond = log.around(() => HttpResponse.text(""));
    for (let index = 0; index < 20_000; index++) {
      assert.is((respond(request(`/${index}`)) as HttpResponse).status, 200);
    }
    assert.is(faults.length, 1);
    assert.match(faults[0]!, /ENOSPC/);
    log.close();
  },
);

test.after(() => rmSync(directory, { recursive: true, force: true }));
test.run();
