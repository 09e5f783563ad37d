// The options: their defaults, limits and messages, and what is worked out of them.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
import { loadSecret } from "../../core/secret.js";
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

test("options, left out, have their defaults", () => {
  const settings = resolveOptions({});
  assert.is(settings.device, "limpet0");
  assert.is(settings.port, 80);
  assert.is(settings.policy, "least-loaded");
  assert.is(settings.durability, "full");
  assert.is(settings.cacheBytes, 64 * 1024 * 1024);
  assert.is(settings.affinityTimeMs, 300_000);
  assert.ok(settings.workers >= 2);
  assert.match(settings.appUrl, /workers\/shop\/shop\.js$/);
  assert.ok(settings.database.endsWith("/limpet.db"));
  assert.equal(
    settings.addresses.map((address) => urlOf(address, settings.port)),
    ["http://198.18.0.1/", "http://[fd98:18::1]/"],
  );
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
    [{ app: 5 }, /--app/],
    [{ frobnicate: 1 }, /no option frobnicate/],
  ];
  for (const [options, pattern] of wrong) {
    const message = messageOf(options);
    assert.match(message, pattern, JSON.stringify(options));
    assert.not.match(message, "\n");
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
  assert.is(host("10.0.0.1/30"), "10.0.0.2/30");
  assert.is(host("10.0.0.2/30"), "10.0.0.1/30");
  assert.is(host("fd98:18::1/64"), "fd98:18::ffff:ffff:ffff:fffe/64");
  assert.is(host("fd00::1/126"), "fd00::2/126");
});

test("URL, with another port than 80, names it", () => {
  assert.is(urlOf(own("10.0.0.1/24"), 8080), "http://10.0.0.1:8080/");
  assert.is(urlOf(own("fd00::1/64"), 8080), "http://[fd00::1]:8080/");
});

test("secret, is made once beside the database, for its owner only, and found again", () => {
  const folder = mkdtempSync(join(tmpdir(), "limpet-secret-"));
  const database = join(folder, "farm.db");
  const first = loadSecret(undefined, database);
  assert.is(first.length, 32);
  assert.is(statSync(`${database}.secret`).mode & 0o777, 0o600);
  assert.equal(loadSecret(undefined, database), first);
  assert.equal(readFileSync(`${database}.secret`, "utf8").trim(), Buffer.from(first).toString("hex"));
  writeFileSync(`${database}.secret`, "damaged");
  assert.throws(() => loadSecret(undefined, database), /is damaged/);
  assert.throws(() => loadSecret(undefined, join(folder, "none", "farm.db")), /cannot be written/);
  assert.equal(loadSecret("x".repeat(40), database), Buffer.from("x".repeat(40)));
  assert.is(loadSecret(undefined, ":memory:").length, 32);
  rmSync(folder, { recursive: true });
});

test.run();
