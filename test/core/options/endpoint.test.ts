// Where a socket listens: text to parts and back, and which hosts nobody else can reach.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  formatEndpoint,
  isLoopback,
  parseEndpoint,
  parseUnixSocket,
} from "../../../core/options/endpoint.js";

test("endpoint, of an address or localhost and a port, comes back from its text", () => {
  const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant("localhost"));
  fc.assert(
    fc.property(host, fc.nat(65_535), (host, port) => {
      const text = formatEndpoint({ host, port });
      assert.equal(parseEndpoint(text), { host, port }, text);
    }),
  );
});

test("endpoint, of any text, is the text's or none", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const endpoint = parseEndpoint(text);
      if (endpoint !== undefined) assert.is(formatEndpoint(endpoint), text.toLowerCase());
    }),
  );
});

test("unix socket, is an absolute path of at most 107 bytes", () => {
  assert.equal(parseUnixSocket("unix:/run/limpet.sock"), { path: "/run/limpet.sock" });
  assert.is(formatEndpoint({ path: "/run/limpet.sock" }), "unix:/run/limpet.sock");
  assert.ok(parseUnixSocket(`unix:/${"x".repeat(106)}`));
  assert.is(parseUnixSocket(`unix:/${"x".repeat(107)}`), undefined);
  // Two bytes each.
  assert.is(parseUnixSocket(`unix:/${"é".repeat(54)}`), undefined);
});

test("host, that only this machine can reach, is loopback; every other is not", () => {
  for (const host of ["127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1", "localhost"])
    assert.ok(isLoopback(host), host);
  for (const host of [
    "0.0.0.0",
    "::",
    "128.0.0.1",
    "10.127.0.1",
    "::2",
    "fe80::1",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
  ])
    assert.not(isLoopback(host), host);
});

test.run();
