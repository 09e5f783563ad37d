// The farm's own addresses: the kernel's side of a prefix, and the URL of the farm. Which addresses a host can have is
// tested with the options that take them, in ../options.test.ts.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  formatInterfaceAddress,
  hostAddressOf,
  parseInterfaceAddress,
  urlOf,
} from "../../../core/options/farm-addresses.js";

function own(text: string) {
  return parseInterfaceAddress(text)!;
}

test("host address, is the last of the prefix that is not ours and not the broadcast address", () => {
  const host = (text: string) => formatInterfaceAddress(hostAddressOf(own(text)));
  assert.is(host("198.18.0.1/24"), "198.18.0.254/24");
  assert.is(host("198.18.0.254/24"), "198.18.0.253/24");
  assert.is(host("198.18.0.255/23"), "198.18.1.254/23");
  assert.is(host("10.0.0.1/30"), "10.0.0.2/30");
  assert.is(host("10.0.0.2/30"), "10.0.0.1/30");
  assert.is(host("fd98:18::1/64"), "fd98:18::ffff:ffff:ffff:fffe/64");
  assert.is(host("fd00::1/126"), "fd00::2/126");
  assert.is(host("fd00::2/126"), "fd00::1/126");
});

test("URL, with another port than 80, names it", () => {
  assert.is(urlOf(own("10.0.0.1/24"), 8080), "http://10.0.0.1:8080/");
  assert.is(urlOf(own("fd00::1/64"), 8080), "http://[fd00::1]:8080/");
});

test("interface address, of text that is none, is undefined", () => {
  for (const text of ["none", "", "10.0.0.1", "10.0.0.1/33", "fd00::1/129", "/24"])
    assert.is(parseInterfaceAddress(text), undefined, text);
});

test.run();
