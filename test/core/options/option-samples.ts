// For each option, values that it takes and values that it does not, as they are written: as text, for flags and the
// environment, and in TOML, for files. A new option does not compile before it has its samples here.

import type { OptionName } from "../../../core/options/farm-options.js";

export interface OptionSamples {
  /** Text, the value that `createFarm` would be given for it, the same in TOML. */
  readonly right: readonly (readonly [text: string, value: unknown, toml: string])[];
  /** Text, and another wrong value in TOML. */
  readonly wrong: readonly (readonly [text: string, toml: string])[];
}

function number(rightNumber: number, ...wrong: number[]): OptionSamples {
  return {
    right: [[String(rightNumber), rightNumber, String(rightNumber)]],
    wrong: [
      ...wrong.map((n) => [String(n), String(n)] as const),
      ["", '""'],
      ["many", `"${rightNumber}"`],
      [`0${rightNumber}`, `${rightNumber}.5`],
      [` ${rightNumber}`, `[${rightNumber}]`],
      [`+${rightNumber}`, "true"],
      ["0x10", "inf"],
      ["1e3", "1979-05-27"],
      ["NaN", "nan"],
    ],
  };
}

function text(rightText: string, ...wrong: string[]): OptionSamples {
  return {
    right: [[rightText, rightText, JSON.stringify(rightText)]],
    wrong: [
      ...wrong.map((wrongText) => [wrongText, JSON.stringify(wrongText)] as const),
      ["", "1"],
      ["", "[]"],
      ["", '{ text = "text" }'],
    ],
  };
}

const switched: OptionSamples = {
  right: [["true", true, "true"]],
  wrong: [
    ["yes", '"true"'],
    ["1", "1"],
    ["", "0"],
  ],
};

export const OPTION_SAMPLES: Readonly<Record<OptionName, OptionSamples>> = {
  app: text("/srv/app.js", "file://host/app.js", "file:///a%2Fb.js", "file:///a%00b.js"),
  port: number(8080, 0, 65_536, -1),
  socket: text(
    "[::1]:8081",
    "8080",
    ":8080",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:65536",
    "127.0.0.1:080",
    "127.1:80",
    "::1:80",
    "[127.0.0.1]:80",
    "[fe80::1%eth0]:80",
    "example.com:80",
    "127.0.0.1:80 ",
    "http://127.0.0.1:80",
    "unix:/run/limpet.sock",
    "None",
  ),
  tun: text("off", "yes", "Auto"),
  device: text("rock0", "a b", "abcdefghijklmnop", "tun/0"),
  address: text("10.20.0.1/16", "10.20.0.1", "10.20.0.1/31", "fd00::1/64"),
  address6: text("fd00::1/64", "fd00::1", "fd00::1/127", "10.20.0.1/16"),
  mtuBytes: number(1400, 1279, 1501),
  fault: text(
    "drop=1%,duplicate=0.5%,corrupt=0.1%,reorder=2%,delay=20ms,jitter=5ms,seed=7",
    "drop=1",
    "drop=1 %",
    "drop=101%",
    "drop=-1%",
    "drop=1%,",
    "drop=1%,drop=1%",
    "loss=1%",
    "delay=20",
    "delay=10001ms",
    "delay=1ms,jitter=2ms",
    "drop=1%,seed=0.5",
    "drop=1%,seed=4294967296",
    "None",
  ),
  congestion: text("new-reno", "reno", "CUBIC"),
  tcpKeepAliveSeconds: number(0, -1, 1_000_001),
  poolSlots: number(256, 255, 1_048_577),
  fragments: text("drop", "keep"),
  workers: {
    right: [...number(3).right, ...text("auto").right],
    wrong: [...number(3, 0, 65).wrong, ["all", '"all"'], ["Auto", '"Auto"']],
  },
  slowStartSeconds: number(0, -1, 3601),
  drainSeconds: number(60, -1, 3601),
  hangSeconds: number(5, 0, 3601),
  policy: text("power-of-two", "best", "toString"),
  affinity: text("connection", "address"),
  affinitySeconds: number(60, 0, 604_801),
  affinityPrefix: number(24, -1, 33),
  affinityPrefix6: number(56, -1, 129),
  spillFlows: number(0, -1, 1_000_001),
  flowEntries: number(4096, 512, 4097, 33_554_432),
  tableFull: text("refuse", "drop"),
  seed: number(Number.MAX_SAFE_INTEGER, -1),
  database: text(
    "/var/lib/limpet/farm.db",
    "a\0b",
    "postgres://db.example.com",
    "postgres://db.example.com/",
    "postgresql://one,two:5432/shop",
    "postgres://limpet:bar nacle@db.example.com/shop",
    "postgres:shop",
  ),
  sqliteDriver: text("better-sqlite3", "sqlite"),
  coherence: text("asked", "ask"),
  durability: text("normal", "some"),
  cacheMib: number(128, 0, 65_537),
  maxStateKib: number(16, 0, 16_385),
  sessionIdleSeconds: number(600, 0, 34_560_001),
  sessionAbsoluteSeconds: number(3600, -1, 34_560_001),
  secret: text(
    "correct horse battery staple, 32 and more",
    "open sesame",
    // One a line: each must be long enough.
    "correct horse battery staple, 32 and more\nopen sesame",
    `${"x".repeat(32)}\n`.repeat(9),
    "\n",
  ),
  cookieName: text("__shop.sid", "a b", "a=b", "a;", "a\r\n", "ä", "x".repeat(65)),
  cookiePath: text("/shop", "shop", "/a b", "/a;b", "/a\r\n", "/ä", `/${"x".repeat(1024)}`),
  cookieDomain: text(
    "shop.example.com",
    "localhost",
    ".example.com",
    "example.com.",
    "-a.example.com",
    "a_b.example.com",
    "a;b.example.com",
    "192.0.2.1",
    "[::1]",
    "example.com:80",
    `${"x".repeat(64)}.com`,
    `${"x.".repeat(126)}com`,
    "None",
  ),
  cookieSecure: switched,
  cookieHttpOnly: switched,
  cookieSameSite: text("strict", "Lax", "all"),
  cookieMaxAgeSeconds: number(3600, -1, 34_560_001),
  cookieRolling: switched,
  admin: text(
    "unix:/run/limpet.sock",
    "9090",
    "unix:",
    "unix:limpet.sock",
    "unix:/run/",
    `unix:/${"x".repeat(107)}`,
    "unix:/run/\0",
    "/run/limpet.sock",
  ),
  adminToken: text(
    "0123456789abcdef",
    "0123456789abcde",
    "0123456789 abcdef",
    "0123456789abcdef€",
    "x".repeat(1025),
  ),
  logLevel: text("debug", "loud"),
  accessLog: text("-", "a\0b"),
};
