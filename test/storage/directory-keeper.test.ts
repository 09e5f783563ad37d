// What is noted in the session directory, and what must not be, because another farm may have come between.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  allocateSessionDirectory,
  parseSessionKey,
  SessionDirectory,
  SessionDirectoryWriter,
  VERSION_UNKNOWN,
} from "../../core/memory/session-directory.js";
import { DirectoryKeeper } from "../../storage/directory-keeper.js";
import { keyOf } from "./session-store-conformance.js";

const KEY = keyOf(1);

function makeKeeper(isShared: boolean) {
  const memory = allocateSessionDirectory(64);
  const directory = new SessionDirectory(memory);
  const clock = { ms: 0 };
  return {
    clock,
    keeper: new DirectoryKeeper(new SessionDirectoryWriter(memory), isShared, () => clock.ms),
    versionOf: (key = KEY) => directory.versionOf(parseSessionKey(key)),
  };
}

/** A keeper that other farms' changes are told to. */
function makeFollowed() {
  const made = makeKeeper(true);
  made.keeper.followed();
  return made;
}

test("a database of one's own, is noted at once, and contradicted by nobody", () => {
  const { keeper, versionOf } = makeKeeper(false);
  keeper.begin();
  keeper.note(KEY, 3);
  keeper.contradicted(KEY);
  assert.is(versionOf(), 3);
});

test("a shared database, is noted only by operations that begin after changes are told", () => {
  const { keeper, versionOf } = makeKeeper(true);
  keeper.begin();
  keeper.note(KEY, 1);
  assert.is(versionOf(), VERSION_UNKNOWN, "nobody tells us");
  keeper.begin();
  keeper.followed();
  keeper.note(KEY, 1);
  assert.is(
    versionOf(),
    VERSION_UNKNOWN,
    "asked before: somebody may have changed it before we could hear of it",
  );
  keeper.begin();
  keeper.note(KEY, 1);
  assert.is(versionOf(), 1);
});

test("news, of a session that is known, forget it", () => {
  const { keeper, versionOf } = makeFollowed();
  keeper.begin();
  keeper.note(KEY, 5);
  keeper.note(keyOf(2), 7);
  keeper.changedElsewhere([KEY, keyOf(3)]);
  assert.is(versionOf(), VERSION_UNKNOWN);
  assert.is(versionOf(keyOf(2)), 7);
});

test("news, that come between question and answer, keep the answer from being noted", () => {
  const { keeper, versionOf, clock } = makeFollowed();
  keeper.begin();
  keeper.changedElsewhere([KEY]);
  clock.ms = 60_000;
  keeper.note(KEY, 5);
  keeper.note(keyOf(2), 7);
  assert.is(versionOf(), VERSION_UNKNOWN);
  assert.is(versionOf(keyOf(2)), 7);
  keeper.begin();
  keeper.note(KEY, 6);
  assert.is(versionOf(), 6, "asked after the news: the answer has the change");
});

test("a session that another farm uses, is asked for, until the other has not used it for a minute", () => {
  const { keeper, versionOf, clock } = makeFollowed();
  keeper.changedElsewhere([KEY]);
  for (const ms of [0, 59_999]) {
    clock.ms = ms;
    keeper.begin();
    keeper.note(KEY, 5);
    assert.is(versionOf(), VERSION_UNKNOWN);
  }
  keeper.changedElsewhere([KEY]);
  clock.ms = 119_998;
  keeper.begin();
  keeper.note(KEY, 6);
  assert.is(versionOf(), VERSION_UNKNOWN);
  clock.ms = 119_999;
  keeper.note(KEY, 6);
  assert.is(versionOf(), 6);
});

test("more sessions of others than can be remembered, are forgotten in the order in which they were used", () => {
  const { keeper, versionOf } = makeFollowed();
  keeper.changedElsewhere([keyOf(1), keyOf(2)]);
  keeper.changedElsewhere([keyOf(1), ...Array.from({ length: 65_535 }, (_, number) => keyOf(number + 3))]);
  keeper.begin();
  keeper.note(keyOf(1), 5);
  keeper.note(keyOf(2), 5);
  assert.is(versionOf(keyOf(1)), VERSION_UNKNOWN);
  assert.is(versionOf(keyOf(2)), 5);
});

test("more news than can be kept apart, keep everything from being noted", () => {
  const { keeper, versionOf } = makeFollowed();
  keeper.begin();
  keeper.changedElsewhere(Array.from({ length: 65_537 }, (_, number) => keyOf(number + 100)));
  keeper.note(KEY, 5);
  assert.is(versionOf(), VERSION_UNKNOWN);
});

test("losing the news, forgets everything, and nothing is noted until they are told again", () => {
  const { keeper, versionOf } = makeFollowed();
  keeper.begin();
  keeper.note(KEY, 5);
  keeper.lost();
  assert.is(versionOf(), VERSION_UNKNOWN);
  keeper.note(KEY, 5);
  assert.is(versionOf(), VERSION_UNKNOWN);
  keeper.followed();
  keeper.note(KEY, 5);
  assert.is(versionOf(), VERSION_UNKNOWN, "asked while nobody told");
  keeper.begin();
  keeper.note(KEY, 5);
  assert.is(versionOf(), 5);
});

test("a conflict in a shared database, forgets the session", () => {
  const { keeper, versionOf } = makeFollowed();
  keeper.begin();
  keeper.note(KEY, 5);
  keeper.contradicted(KEY);
  assert.is(versionOf(), VERSION_UNKNOWN);
});

test.run();
