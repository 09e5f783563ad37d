// From options to settings: defaults, limits and messages, and what is worked out of them. Every option's right and
// wrong values by every way in are in options/option-samples.ts.

import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OPTION_NAMES } from "../../core/options/option-table.js";
import { type FarmOptions, flagOf, OptionError, resolveOptions, urlOf } from "../../core/options.js";
import { parsePrefix } from "../../core/wire/address.js";

function messageOf(options: object): string {
  try {
    resolveOptions(options as FarmOptions);
  } catch (error) {
    assert.instance(error, OptionError);
    return (error as Error).message;
  }
  throw new Error(`${JSON.stringify(options)} was taken`);
}

function own(text: string) {
  const { address, prefixBits } = parsePrefix(text)!;
  return { address, prefixLength: prefixBits };
}

test("options, left out, have their defaults, each of them", () => {
  const { addresses, ...settings } = resolveOptions({});
  assert.equal(settings, {
    appUrl: new URL("../../workers/shop/shop.js", import.meta.url).href,
    port: 80,
    socket: { host: "127.0.0.1", port: 8080 },
    tun: "auto",
    fault: undefined,
    device: "limpet0",
    mtuBytes: 1500,
    congestion: "cubic",
    tcpKeepAliveMs: 7_200_000,
    poolSlots: 8192,
    fragments: "reassemble",
    workers: Math.max(2, availableParallelism() - 1),
    slowStartMs: 10_000,
    drainTimeoutMs: 30_000,
    hangTimeoutMs: 1000,
    policy: "least-loaded",
    affinity: "source",
    affinityTimeMs: 300_000,
    affinityPrefix: 32,
    affinityPrefix6: 64,
    spillFlows: 256,
    flowEntries: 262_144,
    tableFull: "evict",
    seed: undefined,
    database: resolve("limpet.db"),
    sqliteDriver: "sqlite3",
    coherence: "told",
    durability: "full",
    sessions: {
      cacheBytes: 64 * 1024 * 1024,
      maxStateBytes: 64 * 1024,
      idleExpiryMs: 86_400_000,
      absoluteExpiryMs: 2_592_000_000,
    },
    secrets: undefined,
    cookie: {
      name: "limpet.sid",
      path: "/",
      domain: undefined,
      secure: false,
      httpOnly: true,
      sameSite: "lax",
      maxAgeMs: undefined,
      rolling: false,
    },
    admin: { host: "127.0.0.1", port: 9090 },
    adminToken: undefined,
    logLevel: "info",
    accessLog: undefined,
  });
  assert.equal(addresses, [own("198.18.0.1/24"), own("fd98:18::1/64")]);
  assert.equal(
    addresses.map((address) => urlOf(address, settings.port)),
    ["http://198.18.0.1/", "http://[fd98:18::1]/"],
  );
});

test("options, left undefined, are as left out", () => {
  const options = Object.fromEntries(OPTION_NAMES.map((name) => [name, undefined]));
  assert.equal(resolveOptions(options as FarmOptions), resolveOptions({}));
});

test("number option, takes its limits and nothing beyond them, no fraction and no text", () => {
  const limits: [keyof FarmOptions, number, number][] = [
    ["workers", 1, 64],
    ["port", 1, 65_535],
    ["mtuBytes", 1280, 1500],
    ["tcpKeepAliveSeconds", 0, 1_000_000],
    ["cacheMib", 1, 65_536],
    ["maxStateKib", 1, 16_384],
    ["sessionIdleSeconds", 1, 34_560_000],
    ["sessionAbsoluteSeconds", 0, 34_560_000],
    ["cookieMaxAgeSeconds", 0, 34_560_000],
    ["affinitySeconds", 1, 604_800],
    ["affinityPrefix", 0, 32],
    ["affinityPrefix6", 0, 128],
    ["spillFlows", 0, 1_000_000],
    ["slowStartSeconds", 0, 3600],
    ["drainSeconds", 0, 3600],
    ["hangSeconds", 1, 3600],
    ["flowEntries", 1024, 2 ** 24],
    ["poolSlots", 256, 1_048_576],
    ["seed", 0, Number.MAX_SAFE_INTEGER],
  ];
  for (const [name, least, most] of limits) {
    for (const value of [least, most]) resolveOptions({ [name]: value });
    for (const value of [least - 1, most + 1, least + 0.5, Number.NaN, Infinity, `${least}`, null]) {
      const message = messageOf({ [name]: value });
      const takes =
        name === "flowEntries" ? "a power of two" : `${name === "workers" ? "auto or " : ""}a whole number`;
      const start = `${name} (${flagOf(name)}) takes ${takes} from ${least} to ${most}, not `;
      assert.ok(message.startsWith(start), message);
    }
  }
});

test("address, of a host, is taken with every prefix length that leaves room for the kernel's end", () => {
  for (const address of ["10.0.0.1/30", "10.0.0.1/1", "223.255.255.254/24", "198.18.0.255/23"])
    assert.equal(resolveOptions({ address, address6: "none" }).addresses, [own(address)]);
  for (const address6 of ["fd00::1/126", "2001:db8::1/1", "fd00::ffff:ffff:ffff:ffff/64"])
    assert.equal(resolveOptions({ address: "none", address6 }).addresses, [own(address6)]);
});

test("address, that no host can have, is refused", () => {
  for (const address of [
    "0.0.0.1/8",
    "127.0.0.1/8",
    "224.0.0.1/24",
    "255.255.255.254/24",
    "198.18.0.0/24",
    "198.18.0.255/24",
    "10.0.0.3/30",
  ])
    assert.match(messageOf({ address }), /^address \(--address\) takes a host's IPv4 address/, address);
  for (const address6 of ["::/64", "::1/64", "::ffff:198.18.0.1/96", "ff02::1/64", "fd98:18::/64"])
    assert.match(messageOf({ address6 }), /^address6 \(--address6\) takes a host's IPv6 address/, address6);
});

test("app, as a path or a file URL, is the same file URL", () => {
  const url = pathToFileURL(resolve("some where/app.js"));
  for (const app of ["some where/app.js", fileURLToPath(url), url.href, url])
    assert.is(resolveOptions({ app }).appUrl, url.href);
});

test("app, that can be no file, is refused", () => {
  for (const app of [
    "",
    "file://host/app.js",
    "file:///a%2Fb.js",
    new URL("http://localhost/app.js"),
    null,
    5,
  ])
    assert.match(messageOf({ app }), /^app \(--app\) takes the path of a module, or a file URL, not /);
});

test("secret, wrong, is not shown", () => {
  const takes = "secret takes a text of at least 32 characters, or up to 8 of them, in lines or an array";
  const [right, short] = ["x".repeat(32), "my password"];
  for (const secret of [short, 123_456, [], [short], [right, short], [right, 5], new Array(9).fill(right)])
    assert.is(messageOf({ secret }), takes);
  assert.is(messageOf({ adminToken: "my password" }), "adminToken takes 16 to 1024 visible ASCII characters");
});

test("secrets, in lines or an array, are those, in their order", () => {
  const [first, second] = ["new, with a space, ".repeat(2), `${"old".repeat(11)} `];
  for (const secret of [`${first}\n${second}`, `\n${first}\r\n\n${second}\n`, [first, second]])
    assert.equal(resolveOptions({ secret }).secrets, [first, second]);
  assert.equal(resolveOptions({ secret: first }).secrets, [first]);
  // In an array each is one secret, whatever is in it.
  assert.equal(resolveOptions({ secret: [`${first}\n${second}`] }).secrets, [`${first}\n${second}`]);
});

test("cookie, that browsers refuse, is refused here, with what it needs", () => {
  const secure = "cookieSecure (--cookie-secure)";
  const [path, domain] = ["cookiePath (--cookie-path)", "cookieDomain (--cookie-domain)"];
  assert.is(
    messageOf({ cookieSameSite: "none" }),
    `cookieSameSite (--cookie-same-site) none needs ${secure}`,
  );
  assert.is(
    messageOf({ cookieName: "__secure-sid" }),
    `cookieName (--cookie-name) __secure-sid needs ${secure}`,
  );
  for (const options of [
    {},
    { cookieSecure: true, cookiePath: "/shop" },
    { cookieSecure: true, cookieDomain: "example.com" },
  ])
    assert.is(
      messageOf({ cookieName: "__Host-sid", ...options }),
      `cookieName (--cookie-name) __Host-sid needs ${secure}, ${path} / and ${domain} none`,
    );
  const cookieSecure = true;
  resolveOptions({ cookieSecure, cookieSameSite: "none" });
  resolveOptions({
    cookieSecure,
    cookieName: "__Secure-sid",
    cookiePath: "/shop",
    cookieDomain: "example.com",
  });
  resolveOptions({ cookieSecure, cookieName: "__Host-sid" });
  resolveOptions({ cookieName: "__Hostess" });
});

test("cookie, in settings, has its age in ms, and neither domain nor age if it has none", () => {
  const { cookie } = resolveOptions({ cookieMaxAgeSeconds: 60, cookieDomain: "example.com" });
  assert.equal([cookie.maxAgeMs, cookie.domain], [60_000, "example.com"]);
  const none = resolveOptions({ cookieMaxAgeSeconds: 0, cookieDomain: "none" }).cookie;
  assert.equal([none.maxAgeMs, none.domain], [undefined, undefined]);
});

test("admin, where others can reach it, needs a token", () => {
  for (const admin of ["0.0.0.0:9090", "[::]:9090", "192.0.2.1:0", "[::ffff:127.0.0.1]:9090"]) {
    const message = messageOf({ admin });
    assert.ok(message.startsWith(`admin (--admin) at ${admin}, which others can reach, needs an adminToken`));
    assert.match(message, /LIMPET_ADMIN_TOKEN.*admin-token in an options file/);
    resolveOptions({ admin, adminToken: "0123456789abcdef" });
  }
  for (const admin of ["127.1.2.3:9090", "[::1]:9090", "LocalHost:9090", "unix:/run/limpet.sock", "none"])
    assert.is(resolveOptions({ admin }).adminToken, undefined);
});

test("socket and admin, at one place, are refused; at any free port they are not", () => {
  assert.is(
    messageOf({ socket: "127.0.0.1:9090" }),
    "socket (--socket) and admin (--admin) cannot both be 127.0.0.1:9090",
  );
  assert.match(messageOf({ socket: "[::1]:1", admin: "[::1]:1" }), /cannot both be/);
  resolveOptions({ socket: "localhost:0", admin: "localhost:0" });
  resolveOptions({ socket: "none", admin: "none" });
});

test("endpoints, in settings, are taken apart", () => {
  const { socket, admin } = resolveOptions({ socket: "[::1]:0", admin: "unix:/run/limpet.sock" });
  assert.equal([socket, admin], [{ host: "::1", port: 0 }, { path: "/run/limpet.sock" }]);
  const none = resolveOptions({ socket: "none", admin: "none" });
  assert.equal([none.socket, none.admin], [undefined, undefined]);
});

test("faults, are numbers in settings, none if they do nothing, and no use without a TUN device", () => {
  assert.is(resolveOptions({ fault: "drop=1.5%,seed=3" }).fault?.dropPercent, 1.5);
  assert.is(resolveOptions({ fault: "drop=0%,seed=3" }).fault, undefined);
  assert.is(
    messageOf({ fault: "drop=1%", tun: "off" }),
    "fault (--fault) needs a TUN device, and tun (--tun) is off: sockets lose no packets",
  );
  resolveOptions({ fault: "none", tun: "off" });
});

test("access log, is a path, or the standard output", () => {
  assert.is(resolveOptions({ accessLog: "a/../b.log" }).accessLog, resolve("b.log"));
  assert.is(resolveOptions({ accessLog: "-" }).accessLog, "-");
});

test("database, in memory, has no path", () => {
  assert.is(resolveOptions({ database: ":memory:" }).database, ":memory:");
  assert.is(resolveOptions({ database: "a/../b.db" }).database, resolve("b.db"));
});

test("options, that are none, are refused in a sentence", () => {
  for (const options of [null, 5, "workers"])
    assert.is(messageOf(options as unknown as object), "the options must be an object");
});

test("option, of a wrong value, is named with its flag and what it takes", () => {
  const wrong: [object, RegExp][] = [
    [{ workers: 0 }, /^workers \(--workers\) takes auto or a whole number from 1 to 64, not 0$/],
    [{ workers: 65 }, /takes auto or a whole number from 1 to 64/],
    [{ workers: "all" }, /not "all"$/],
    [{ workers: 1.5 }, /not 1.5$/],
    [{ device: "a b" }, /^device \(--device\) takes an interface name/],
    [{ device: "abcdefghijklmnop" }, /at most 15/],
    [{ address: "198.18.0.1" }, /^address \(--address\) .*like 198\.18\.0\.1\/24/],
    [{ address: "198.18.0.1/31" }, /at most 30/],
    [{ address: "fd00::1/64" }, /IPv4/],
    [{ address6: "fd00::1/128" }, /^address6 \(--address6\) .*at most 126/],
    [{ address: "none", address6: "none" }, /cannot both be none/],
    [{ port: 0 }, /--port/],
    [{ port: 65_536 }, /--port/],
    [{ mtuBytes: 100 }, /^mtuBytes \(--mtu-bytes\) takes a whole number from 1280 to 1500, not 100$/],
    [{ durability: "some" }, /full, normal/],
    [{ cacheMib: -1 }, /--cache-mib/],
    [{ affinitySeconds: "long" }, /--affinity-seconds/],
    [{ affinityPrefix: 33 }, /--affinity-prefix\)/],
    [{ affinityPrefix6: 129 }, /--affinity-prefix6/],
    [{ policy: "best" }, /least-loaded, least-flows, power-of-two/],
    [{ flowEntries: 5000 }, /power of two/],
    [{ fault: "loss=1%" }, /^fault \(--fault\) takes drop, .* like drop=1%,.* not "loss=1%"$/],
    [{ poolSlots: 1 }, /--pool-slots/],
    [{ seed: -1 }, /--seed/],
    [{ secret: "short" }, /at least 32/],
    [{ cookieSecure: "yes" }, /--cookie-secure/],
    [{ cookieName: "a b" }, /^cookieName \(--cookie-name\) takes a token .*, not "a b"$/],
    [{ cookieDomain: "localhost" }, /--cookie-domain.* like example.com/],
    [{ logLevel: "loud" }, /--log-level/],
    [{ database: "" }, /--database/],
    [{ database: "x".repeat(100), port: "y".repeat(100) }, /not "y{59}…$/],
    [{ policy: Object.create(null) }, /^policy \(--policy\) takes one of .*, not \[.*\]/],
    [{ policy: "a\nb" }, /not "a\\nb"$/],
    [{ policy: ["a".repeat(50), "b".repeat(50)] }, /^policy/],
    [{ frobnicate: 1 }, /^there is no option frobnicate$/],
    [{ worker: 1 }, /^there is no option worker; did you mean workers\?$/],
    [{ "a\nb": 1 }, /^there is no option "a\\nb"$/],
    [{ toString: 1 }, /^there is no option toString$/],
  ];
  for (const [options, pattern] of wrong) {
    const message = messageOf(options);
    assert.match(message, pattern, JSON.stringify(options));
    assert.not.match(message, /\n/);
  }
});

test.run();
