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

test("cookie, of a domain, readable by scripts, is taken away by one with the same domain", () => {
  const cookie = new SessionCookie({ domain: "example.com", httpOnly: false, sameSite: "strict" });
  assert.is(cookie.setting("ID"), "limpet.sid=ID; Path=/; Domain=example.com; SameSite=Strict");
  assert.is(cookie.expired(), "limpet.sid=; Path=/; Domain=example.com; SameSite=Strict; Max-Age=0");
});

test("cookie, by default, neither rolls nor has an end of its own", () => {
  const { isRolling, hasMaxAge } = new SessionCookie({ maxAgeMs: undefined });
  assert.equal([isRolling, hasMaxAge], [false, false]);
  assert.ok(new SessionCookie({ rolling: true }).isRolling);
  assert.ok(new SessionCookie({ maxAgeMs: 1000 }).hasMaxAge);
});

test("cookie, with a path, covers what RFC 6265 section 5.1.4 says that it does", () => {
  const rows: readonly (readonly [path: string, covered: readonly string[], others: readonly string[]])[] = [
    ["/", ["/", "/shop", "*", "//"], []],
    ["/shop", ["/shop", "/shop/", "/shop/cart"], ["/", "/shopping", "/sho", "/SHOP", "/a/shop", "*"]],
    ["/shop/", ["/shop/", "/shop/cart"], ["/shop", "/shopping", "/"]],
  ];
  for (const [path, covered, others] of rows) {
    const cookie = new SessionCookie({ path });
    for (const request of covered) assert.ok(cookie.covers(request), `${path} ${request}`);
    for (const request of others) assert.not.ok(cookie.covers(request), `${path} ${request}`);
  }
});

test.run();
