// The cookie's text, by option.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { SessionCookie } from "../../../workers/session/session-cookie.js";

test("cookie, without options, is what express-session's users expect", () => {
  assert.is(new SessionCookie().setting("ID"), "limpet.sid=ID; Path=/; HttpOnly; SameSite=Lax");
  assert.is(new SessionCookie().expired(), "limpet.sid=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
});

test("cookie, with options, has them", () => {
  const cookie = new SessionCookie({
    name: "shop",
    secure: true,
    sameSite: "none",
    path: "/shop",
    maxAgeMs: 90_500,
  });
  assert.is(cookie.setting("ID"), "shop=ID; Path=/shop; HttpOnly; SameSite=None; Secure; Max-Age=90");
  assert.is(cookie.expired(), "shop=; Path=/shop; HttpOnly; SameSite=None; Secure; Max-Age=0");
});

test("cookie, with what no browser takes, is refused", () => {
  assert.throws(() => new SessionCookie({ name: "a b" }), /must be a token/);
  assert.throws(() => new SessionCookie({ name: "" }), /must be a token/);
  assert.throws(() => new SessionCookie({ path: "/a;b" }), /path/);
  assert.throws(() => new SessionCookie({ path: "a\r\n" }), /path/);
  assert.throws(() => new SessionCookie({ sameSite: "none" }), /secure/);
  assert.throws(() => new SessionCookie({ maxAgeMs: 10 }), /at least 1000/);
});

test.run();
