// The farm's own addresses: each is known in full, in a key anywhere, and no other is.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { OwnAddresses } from "../../../core/director/own-addresses.js";
import { addressBytes } from "../../support/packets.js";

/** Whether the address is one of `own`, looked for in a key array at an odd place, with nothing but ones around it. */
function has(own: readonly string[], address: string): boolean {
  const bytes = addressBytes(address);
  const keys = new Int32Array(16).fill(-1);
  const at = 5;
  new Uint8Array(keys.buffer).set(bytes, at * 4);
  const addresses = own.map((text) => Uint8Array.from(addressBytes(text)));
  return new OwnAddresses(addresses).has(keys, at, bytes.length === 4 ? 4 : 6);
}

test("own addresses, of one family, are not those of the other", () => {
  assert.ok(has(["198.18.0.1"], "198.18.0.1"));
  assert.not(has(["198.18.0.1"], "fd98:18::1"));
  assert.not(has(["fd98:18::1"], "198.18.0.1"));
  // The IPv6 address whose first word is the IPv4 address, and the other way round.
  assert.not(has(["198.18.0.1"], "c612:1::"));
  assert.not(has(["c612:1::"], "198.18.0.1"));
});

test("own addresses, of which there are several, are all known", () => {
  const own = ["198.18.0.1", "10.0.0.1", "fd98:18::1", "10.0.0.2", "2001:db8::1"];
  for (const address of own) assert.ok(has(own, address), address);
  for (const address of ["198.18.0.2", "1.0.18.198", "10.0.0.3", "fd98:18::2", "2001:db8::"])
    assert.not(has(own, address), address);
});

test("IPv6 address, that differs from ours in any one word, is not ours", () => {
  const own = ["fd98:18:1:2:3:4:5:6"];
  assert.ok(has(own, "fd98:18:1:2:3:4:5:6"));
  for (const other of [
    "fd98:19:1:2:3:4:5:6",
    "fd98:18:1:9:3:4:5:6",
    "fd98:18:1:2:9:4:5:6",
    "fd98:18:1:2:3:4:5:9",
  ])
    assert.not(has(own, other), other);
});

test("IPv6 address, whose words are those of two of ours, is not ours", () => {
  assert.not(has(["1:1:1:1:2:2:2:2", "3:3:3:3:4:4:4:4"], "2:2:2:2:3:3:3:3"));
});

test("own addresses, of which there are none, are all there are", () => {
  for (const address of ["198.18.0.1", "0.0.0.0", "fd98:18::1", "::"]) assert.ok(has([], address), address);
});

test.run();
