// Options by flag, environment and file: every option by each way, which way goes before which, and what is said of a
// wrong value; secrets stay out of all of it.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  addFarmFlags,
  collectOptions,
  type Environment,
  type GatheredOptions,
  gatherOptions,
} from "../../../core/cli/option-flags.js";
import { flagOf, keyOf, OPTION_NAMES, optionOf, variableOf } from "../../../core/options/option-table.js";
import { OptionError } from "../../../core/options.js";
import { OPTION_SAMPLES } from "../options/option-samples.js";

const folder = mkdtempSync(join(tmpdir(), "limpet-option-flags-"));
const file = join(folder, "farm.toml");
const options = suite("options by flag, environment and file");
options.after(() => rmSync(folder, { recursive: true }));

const secretNames = OPTION_NAMES.filter((name) => optionOf(name).isSecret);
const flagNames = OPTION_NAMES.filter((name) => !optionOf(name).isSecret);

/** What commander makes of a command line. */
function parse(...parameters: string[]): Record<string, unknown> {
  const command = addFarmFlags(new Command("serve"))
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return command.parse(parameters, { from: "user" }).opts();
}

function gather(parameters: string[], environment: Environment = {}): GatheredOptions {
  return gatherOptions(parse(...parameters), environment);
}

function messageOf(parameters: string[], environment: Environment = {}): string {
  try {
    gather(parameters, environment);
  } catch (error) {
    assert.instance(error, OptionError);
    return (error as Error).message;
  }
  throw new Error(`${parameters.join(" ")} ${JSON.stringify(environment)} was taken`);
}

options("nothing given, is nothing gathered", () => {
  assert.equal(gather([]), { options: {}, origins: {}, unknownVariables: [] });
});

options("command with some of the options, has the flags of these alone, and says nothing of secrets", () => {
  const command = addFarmFlags(new Command("replay"), ["workers", "policy"]);
  let help = "";
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
  const flags = [...help.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, flag]) => flag);
  assert.equal(flags, ["--config", "--workers", "--policy"]);
  assert.not.match(help, /[Ss]ecret/);
  let full = "";
  addFarmFlags(new Command("serve"))
    .configureOutput({ writeOut: (text) => (full += text) })
    .outputHelp();
  for (const name of secretNames) assert.ok(full.includes(`  ${variableOf(name)} `), name);
});

options("option, of each name, is taken as a flag", () => {
  for (const name of flagNames) {
    const isSwitch = optionOf(name).kind.placeholder === undefined;
    for (const [text, value] of OPTION_SAMPLES[name].right) {
      const gathered = gather(isSwitch ? [flagOf(name)] : [`${flagOf(name)}=${text}`]);
      assert.equal(gathered.options, { [name]: value });
      assert.equal(gathered.origins, { [name]: { from: "flag" } });
    }
  }
});

options("option, of each name, is taken from the environment", () => {
  for (const name of OPTION_NAMES) {
    for (const [text, value] of OPTION_SAMPLES[name].right) {
      const gathered = gather([], { [variableOf(name)]: text });
      assert.equal(gathered.options, { [name]: value });
      assert.equal(gathered.origins, { [name]: { from: "environment" } });
    }
  }
  assert.equal(gather([], { LIMPET_COOKIE_SECURE: "false" }).options, { cookieSecure: false });
});

options("option, of each name, is taken from the file, which a flag or the environment names", () => {
  for (const name of OPTION_NAMES) {
    for (const [, value, toml] of OPTION_SAMPLES[name].right) {
      writeFileSync(file, `${keyOf(name)} = ${toml}\n`);
      for (const gathered of [gather(["--config", file]), gather([], { LIMPET_CONFIG: file })]) {
        assert.equal(gathered.options, { [name]: value });
        assert.equal(gathered.origins, { [name]: { from: "file", file } });
      }
    }
  }
});

options("wrong value, of each option, is named by its flag", () => {
  for (const name of flagNames.filter((one) => optionOf(one).kind.placeholder !== undefined)) {
    for (const [text] of OPTION_SAMPLES[name].wrong) {
      const message = messageOf([`${flagOf(name)}=${text}`]);
      const start = `${flagOf(name)} takes ${optionOf(name).kind.takes}, not `;
      assert.ok(message.startsWith(start), `${message}\n${start}`);
    }
  }
});

options("wrong value, of each option, is named by its variable", () => {
  for (const name of OPTION_NAMES) {
    for (const [text] of OPTION_SAMPLES[name].wrong) {
      const message = messageOf([], { [variableOf(name)]: text });
      const start = `${variableOf(name)}: ${keyOf(name)} takes ${optionOf(name).kind.takes}`;
      assert.ok(message.startsWith(start), `${message}\n${start}`);
      assert.is(message === start, secretNames.includes(name));
    }
  }
  assert.is(
    messageOf([], { LIMPET_WORKERS: "many" }),
    'LIMPET_WORKERS: workers takes auto or a whole number from 1 to 64, not "many"',
  );
});

options("wrong value, of each option, is named by its key and file", () => {
  for (const name of OPTION_NAMES) {
    for (const [, toml] of OPTION_SAMPLES[name].wrong) {
      writeFileSync(file, `${keyOf(name)} = ${toml}\n`);
      const message = messageOf(["--config", file]);
      const start = `${keyOf(name)} in ${file} takes ${optionOf(name).kind.takes}`;
      assert.ok(message.startsWith(start), `${message}\n${start}`);
      assert.not.match(message, /\n/);
      assert.is(message === start, secretNames.includes(name));
    }
  }
});

options("flag, goes before the environment, and that before the file", () => {
  writeFileSync(file, "workers = 1\nport = 1\nseed = 1\ncookie-secure = true\n");
  const environment = { LIMPET_CONFIG: file, LIMPET_WORKERS: "2", LIMPET_PORT: "2" };
  const gathered = gather(["--workers", "3", "--no-cookie-secure"], environment);
  assert.equal(gathered.options, { workers: 3, port: 2, seed: 1, cookieSecure: false });
  assert.equal(
    Object.fromEntries(Object.entries(gathered.origins).map(([name, origin]) => [name, origin.from])),
    { workers: "flag", port: "environment", seed: "file", cookieSecure: "flag" },
  );
});

options("flag, given twice, is the last", () => {
  assert.equal(gather(["--workers", "1", "--workers", "2"]).options, { workers: 2 });
  assert.equal(gather(["--no-cookie-secure", "--cookie-secure"]).options, { cookieSecure: true });
});

options("value, wrong but overruled, is not looked at", () => {
  writeFileSync(file, 'workers = "many"\n');
  assert.equal(gather(["--config", file, "--workers", "1"]).options, { workers: 1 });
});

options("config, as a flag, goes before that of the environment", () => {
  writeFileSync(file, "workers = 1\n");
  assert.equal(gather(["--config", file], { LIMPET_CONFIG: "absent.toml" }).options, { workers: 1 });
  assert.match(
    messageOf([], { LIMPET_CONFIG: "absent.toml" }),
    /^the options file absent\.toml cannot be read/,
  );
  assert.match(messageOf([], { LIMPET_CONFIG: "" }), /^the options file "" cannot be read/);
});

options("variable, nearly an option's, is refused with what was meant", () => {
  const meant = [
    ["LIMPET_WORKER", "LIMPET_WORKERS"],
    ["LIMPET_CACHEMIB", "LIMPET_CACHE_MIB"],
    ["LIMPET_CACHE-MIB", "LIMPET_CACHE_MIB"],
    ["LIMPET_CONFIGS", "LIMPET_CONFIG"],
    ["LIMPET_workers", "LIMPET_WORKERS"],
  ] as const;
  for (const [variable, name] of meant)
    assert.is(messageOf([], { [variable]: "1" }), `there is no option ${variable}; did you mean ${name}?`);
});

options("variable, of others, is let be and told of", () => {
  const others = {
    LIMPET_NAMESPACE: "1",
    LIMPET_FUZZ_SEED: "1",
    LIMPET_: "",
    limpet_workers: "1",
    PATH: "/bin",
  };
  const gathered = gather([], others);
  assert.equal(gathered.options, {});
  assert.equal(gathered.unknownVariables, ["LIMPET_NAMESPACE", "LIMPET_FUZZ_SEED", "LIMPET_"]);
});

options("variables, that Kubernetes makes for a service named limpet, are passed over", () => {
  const links = {
    LIMPET_SERVICE_HOST: "10.96.0.1",
    LIMPET_SERVICE_PORT: "80",
    LIMPET_SERVICE_PORT_HTTP: "80",
    LIMPET_PORT: "tcp://10.96.0.1:80",
    LIMPET_PORT_80_TCP: "tcp://10.96.0.1:80",
    LIMPET_PORT_80_TCP_ADDR: "10.96.0.1",
  };
  assert.equal(gather([], links), { options: {}, origins: {}, unknownVariables: [] });
  writeFileSync(file, "port = 81\n");
  assert.equal(gather(["--config", file], links).options, { port: 81 });
});

options("secret, as a flag, is refused without being shown", () => {
  for (const name of secretNames) {
    const message = messageOf([flagOf(name), "correct horse battery staple, 32 and more"]);
    assert.ok(message.startsWith(`${flagOf(name)}: a secret does not belong on a command line`), message);
    assert.match(message, variableOf(name));
    assert.not.match(message, /horse/);
    // It is no value either, right or wrong.
    const { problems, options: taken } = collectOptions({ [name]: "horse" }, {});
    assert.equal([problems.length, taken], [1, {}]);
  }
});

options("secret, too short, is not shown, wherever it is from", () => {
  writeFileSync(file, 'secret = "open sesame"\nadmin-token = "open sesame"\n');
  const problems = [
    ...collectOptions({ config: file }, {}).problems,
    ...collectOptions({}, { LIMPET_SECRET: "open sesame", LIMPET_ADMIN_TOKEN: "open sesame" }).problems,
  ];
  assert.is(problems.length, 4);
  assert.not.match(problems.join("\n"), /sesame/);
});

options("options, that cannot be together, are named where they are from", () => {
  writeFileSync(file, 'admin = "0.0.0.0:9090"\n');
  assert.match(
    messageOf(["--config", file]),
    `admin in ${file} at 0.0.0.0:9090, which others can reach, needs`,
  );
  gather(["--config", file], { LIMPET_ADMIN_TOKEN: "0123456789abcdef" });
  assert.is(
    messageOf(["--address", "none"], { LIMPET_ADDRESS6: "none" }),
    "--address and LIMPET_ADDRESS6: address6 cannot both be none",
  );
});

options("problems, of every kind, are all found", () => {
  writeFileSync(file, "workers = 0\nfrobnicate = 1\n");
  const { problems } = collectOptions(
    { config: file, port: "x" },
    { LIMPET_SEED: "x", LIMPET_POLCY: "hash" },
  );
  assert.equal(
    problems.map((problem) => problem.replace(file, "farm.toml")),
    [
      "there is no option frobnicate in farm.toml",
      "there is no option LIMPET_POLCY; did you mean LIMPET_POLICY?",
      '--port takes a whole number from 1 to 65535, not "x"',
      "workers in farm.toml takes auto or a whole number from 1 to 64, not 0",
      'LIMPET_SEED: seed takes a whole number from 0 to 9007199254740991, not "x"',
    ],
  );
});

options("flags, that are not a farm's, are let be", () => {
  assert.equal(gatherOptions({ json: true, frobnicate: 1, toString: 1 }, {}).options, {});
});

options("text, any at all, for any option, is taken or refused in one sentence", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...OPTION_NAMES),
      fc.string({ unit: "binary", maxLength: 200 }),
      (name, text) => {
        const { problems } = collectOptions({}, { [variableOf(name)]: text });
        assert.ok(problems.length <= 1);
        for (const problem of problems) assert.match(problem, /^LIMPET_[A-Z_0-9]+: [^\n\r]+$/);
      },
    ),
  );
});

options("flag, unknown or without its value, is commander's to refuse", () => {
  for (const parameters of [["--frobnicate"], ["--workers"], ["--cookie-secure=x"]])
    assert.throws(
      () => parse(...parameters),
      (error: unknown) => error instanceof CommanderError,
    );
});

options("help, has every flag under its heading, with range and default; of secrets the variables", () => {
  let help = "";
  addFarmFlags(new Command("serve"))
    .configureOutput({ writeOut: (text) => (help += text), getOutHelpWidth: () => 400 })
    .outputHelp();
  for (const name of OPTION_NAMES) {
    const { isSecret, group } = optionOf(name);
    assert.is(new RegExp(`^ +${flagOf(name)} `, "m").test(help), isSecret === undefined, name);
    if (isSecret) assert.match(help, variableOf(name));
    assert.match(help, `\n${group}:\n`);
  }
  assert.match(help, /--cache-mib <n> .*\(1 to 65536; default: 64\)/);
  assert.match(help, /--tun <name> .*\(auto, on, off; default: auto\)/);
  assert.match(help, /--cookie-secure .*\(or --no-cookie-secure; default: false\)/);
  assert.not.match(help, /undefined|\[object/);
});

options.run();
