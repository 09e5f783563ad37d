// Addresses between bytes and text: RFC 5952's own examples, and everything that is nearly an address.

import { isIP } from "node:net";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatAddress, parseAddress, parsePrefix } from "../../../core/wire/address.js";

function canonical(text: string): string {
  const bytes = parseAddress(text);
  assert.ok(bytes, text);
  return formatAddress(bytes, 0, bytes.length);
}

test("formatAddress, writes the canonical form, for the cases of RFC 5952", () => {
  const cases: [string, string][] = [
    ["2001:0db8::0001", "2001:db8::1"], // 4.1 leading zeros
    ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"], // 4.2.1 as short as possible
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"], // 4.2.2 not one group alone
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"], // 4.2.3 the longest run
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"], // 4.2.3 the first of equals
    ["2001:DB8::ABCD", "2001:db8::abcd"], // 4.3 lower case
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"], // 5 IPv4-mapped
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["fe80::1:0:0:0", "fe80::1:0:0:0"],
    ["198.18.0.1", "198.18.0.1"],
  ];
  for (const [given, expected] of cases) assert.is(canonical(given), expected);
});

test("formatAddress, reads at its offset only", () => {
  const bytes = Uint8Array.of(9, 198, 18, 0, 1, 9);
  assert.is(formatAddress(bytes, 1, 4), "198.18.0.1");
});

test("parseAddress, gives back what formatAddress was given, for any address", () => {
  const zeroRich = fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: 0, max: 255 }));
  for (const length of [4, 16]) {
    fc.assert(
      fc.property(fc.array(zeroRich, { minLength: length, maxLength: length }), (bytes) => {
        const text = formatAddress(Uint8Array.from(bytes), 0, length);
        assert.is(isIP(text), length === 4 ? 4 : 6);
        assert.equal(Array.from(parseAddress(text)!), bytes);
      }),
    );
  }
});

test("parseAddress, refuses, what is nearly an address", () => {
  const nearly = [
    "",
    "1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4 ",
    " ::1",
    "0x1.2.3.4",
    "1..2.3",
  ];
  nearly.push(
    ":::",
    "1::2::3",
    "fe80::1%eth0",
    "::1.2.3",
    "12345::",
    "g::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "[::1]",
  );
  for (const text of nearly) assert.is(parseAddress(text), undefined, text);
});

test("parsePrefix, gives address and bits, at both ends of their range", () => {
  assert.equal(parsePrefix("198.18.0.1/24"), { address: Uint8Array.of(198, 18, 0, 1), prefixBits: 24 });
  for (const [text, bits] of [
    ["0.0.0.0/0", 0],
    ["1.2.3.4/32", 32],
    ["::/0", 0],
    ["fd00::1/128", 128],
  ] as const) {
    assert.is(parsePrefix(text)?.prefixBits, bits, text);
  }
});

test("parsePrefix, refuses, what is nearly a prefix", () => {
  const nearly = [
    "1.2.3.4",
    "1.2.3.4/",
    "1.2.3.4/33",
    "::1/129",
    "1.2.3.4/024",
    "1.2.3.4/-1",
    "1.2.3.4/8/8",
    "1.2.3/24",
  ];
  nearly.push("1.2.3.4/ 8", "1.2.3.4/8.0", "/24", "1.2.3.4/255.255.255.0", "1.2.3.4/1e1");
  for (const text of nearly) assert.is(parsePrefix(text), undefined, text);
});

test.run();
