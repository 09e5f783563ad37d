// The options: their defaults, limits and messages, and what is worked out of them.

import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type FarmOptions,
  flagOf,
  hostAddressOf,
  OptionError,
  resolveOptions,
  urlOf,
} from "../../core/options.js";
import { formatAddress, parsePrefix } from "../../core/wire/address.js";

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
    workers: Math.max(2, availableParallelism() - 1),
    device: "limpet0",
    port: 80,
    mtuBytes: 1500,
    database: resolve("limpet.db"),
    durability: "full",
    cacheBytes: 64 * 1024 * 1024,
    affinityTimeMs: 300_000,
    affinityPrefix: 32,
    affinityPrefix6: 64,
    policy: "least-loaded",
    flowEntries: 262_144,
    poolSlots: 8192,
    seed: undefined,
    secret: undefined,
    cookieSecure: false,
    logLevel: "info",
  });
  assert.equal(addresses, [own("198.18.0.1/24"), own("fd98:18::1/64")]);
  assert.equal(
    addresses.map((address) => urlOf(address, settings.port)),
    ["http://198.18.0.1/", "http://[fd98:18::1]/"],
  );
});

test("options, left undefined, are as left out", () => {
  const names = ["workers", "device", "port", "secret", "seed", "app"];
  const options = Object.fromEntries(names.map((name) => [name, undefined]));
  assert.equal(resolveOptions(options as FarmOptions), resolveOptions({}));
});

test("number option, takes its limits and nothing beyond them, no fraction and no text", () => {
  const limits: [keyof FarmOptions, number, number][] = [
    ["workers", 1, 64],
    ["port", 1, 65_535],
    ["mtuBytes", 1280, 1500],
    ["cacheMib", 1, 65_536],
    ["affinitySeconds", 1, 604_800],
    ["affinityPrefix", 0, 32],
    ["affinityPrefix6", 0, 128],
    ["flowEntries", 1024, 2 ** 24],
    ["poolSlots", 256, 1_048_576],
    ["seed", 0, Number.MAX_SAFE_INTEGER],
  ];
  for (const [name, least, most] of limits) {
    for (const value of [least, most]) resolveOptions({ [name]: value });
    for (const value of [least - 1, most + 1, least + 0.5, Number.NaN, Infinity, `${least}`, null]) {
      const message = messageOf({ [name]: value });
      const start = `${name} (${flagOf(name)}) takes ${name === "workers" ? "auto or " : ""}a whole number from ${least} to ${most}, not `;
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

test("secret, too short, is not shown", () => {
  assert.is(messageOf({ secret: "my password" }), "secret (--secret) takes at least 32 characters");
  assert.is(resolveOptions({ secret: "x".repeat(32) }).secret, "x".repeat(32));
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
    [{ poolSlots: 1 }, /--pool-slots/],
    [{ seed: -1 }, /--seed/],
    [{ secret: "short" }, /at least 32/],
    [{ cookieSecure: "yes" }, /--cookie-secure/],
    [{ logLevel: "loud" }, /--log-level/],
    [{ database: "" }, /--database/],
    [{ database: "x".repeat(100), port: "y".repeat(100) }, /not "y{59}…$/],
    [{ policy: Object.create(null) }, /^policy \(--policy\) takes one of .*, not \[.*\]/],
    [{ policy: "a\nb" }, /not "a\\nb"$/],
    [{ policy: ["a".repeat(50), "b".repeat(50)] }, /^policy/],
    [{ frobnicate: 1 }, /^there is no option frobnicate$/],
    [{ toString: 1 }, /^there is no option toString$/],
  ];
  for (const [options, pattern] of wrong) {
    const message = messageOf(options);
    assert.match(message, pattern, JSON.stringify(options));
    assert.not.match(message, /\n/);
  }
});

test("flag of an option, is its name in small letters with dashes", () => {
  assert.is(flagOf("cacheMib"), "--cache-mib");
  assert.is(flagOf("affinityPrefix6"), "--affinity-prefix6");
});

test("host address, is the last of the prefix that is not ours and not the broadcast address", () => {
  const host = (text: string) => {
    const { address, prefixLength } = hostAddressOf(own(text));
    return `${formatAddress(address, 0, address.length)}/${prefixLength}`;
  };
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

test.run();
