// Notices: every key is told, in as many as are needed, each short enough for PostgreSQL; nothing else is taken for one.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { noticesOf, readNotice } from "../../storage/change-notices.js";
import { keyOf } from "./session-store-conformance.js";

const SENDER = "0123456789abcdef";

test("notices, carry every key once and in order, below 8000 bytes each", () => {
  for (const count of [0, 1, 248, 249, 250, 5_000]) {
    const keys = Array.from({ length: count }, (_, number) => keyOf(number));
    const notices = noticesOf(SENDER, keys);
    assert.ok(notices.every((notice) => notice.length < 8_000));
    assert.is(notices.length, Math.ceil(count / 249));
    const read = notices.map((notice) => readNotice(notice)!);
    assert.ok(read.every(({ sender }) => sender === SENDER));
    assert.equal(
      read.flatMap((notice) => notice.keys),
      keys,
    );
  }
});

test("anything else on the channel, is no notice", () => {
  for (const text of [
    "",
    SENDER,
    `${SENDER}00`,
    `${SENDER}${"g".repeat(32)}`,
    `${SENDER}${"A".repeat(32)}`,
    "{}",
  ])
    assert.is(readNotice(text), undefined, text);
  fc.assert(
    fc.property(fc.string({ maxLength: 100 }), (text) => {
      const notice = readNotice(text);
      assert.ok(notice === undefined || noticesOf(notice.sender, notice.keys).join("") === text);
    }),
  );
});

test.run();
