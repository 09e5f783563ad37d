// A farm's secrets replaced while clients are served, as somebody does it by hand: a line in front of the kept file, a reload; later
// the old line taken away, a reload. Loopback only, no privileges.

import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createFarm, type Farm, OptionError } from "../../core/farm.js";
import { ask, cookieOf } from "../support/client.js";

const CLIENTS = 6;
/** Enough for each worker to be asked. */
const VISIT_STEPS = 4;
const NEW_SECRET = "ab".repeat(32);

const test = suite<{ folder: string; file: string; farm: Farm; url: string }>("secrets");

test.before(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), "limpet-secrets-"));
  const database = join(context.folder, "farm.db");
  context.file = `${database}.secret`;
  context.farm = createFarm({
    app: new URL("../support/test-app.js", import.meta.url),
    workers: 2,
    // Each request is another connection, which goes to any of the workers.
    affinity: "connection",
    tun: "off",
    socket: "127.0.0.1:0",
    admin: "none",
    database,
    logLevel: "fatal",
    slowStartSeconds: 0,
    cookieName: "shop.sid",
  });
  await context.farm.listen();
  context.url = context.farm.urls[0]!;
});
test.after(async ({ farm, folder }) => {
  await farm.close();
  rmSync(folder, { recursive: true });
});

interface Shopped {
  readonly cookie: string;
  readonly count: number;
}

/** Adds to a session until told to stop; what it has is counted by the server, so that a lost session begins at 1 again. */
async function shop(url: string, isOver: (count: number) => boolean): Promise<Shopped> {
  let cookie: string | undefined;
  for (let count = 1; ; count++) {
    const answer = await ask(`${url}session/add`, { cookie });
    assert.is(answer.status, 200);
    assert.is(answer.json().count, count, "the session is still the same");
    if (count > 1) assert.is(cookieOf(answer), undefined, "and has no other ID");
    cookie ??= cookieOf(answer)!;
    if (isOver(count)) return { cookie, count };
  }
}

/** One short visit after the other: there is always somebody whose ID was signed a moment ago, by whichever worker. */
async function visit(url: string, isOver: () => boolean): Promise<Shopped[]> {
  const visits: Shopped[] = [];
  while (!isOver()) visits.push(await shop(url, (count) => count === VISIT_STEPS));
  return visits;
}

function isSignedBy(cookie: string, secretHex: string): boolean {
  const [random = "", mac] = cookie.replace("shop.sid=", "").split(".");
  const hmac = createHmac("sha256", Buffer.from(secretHex, "hex")).update(random).digest();
  return hmac.toString("base64url", 0, 18) === mac;
}

test("secret, put in front and loaded under load, signs from then on, and no client loses its session", async ({
  farm,
  file,
  url,
}) => {
  const oldSecret = readFileSync(file, "utf8").trim();
  let isOver = false;
  const staying = Array.from({ length: CLIENTS }, () => shop(url, () => isOver));
  const passing = Array.from({ length: CLIENTS }, () => visit(url, () => isOver));
  writeFileSync(file, `${NEW_SECRET}\n${oldSecret}\n`);
  await farm.reload();
  isOver = true;
  const late = await shop(url, (count) => count === VISIT_STEPS);
  assert.ok(isSignedBy(late.cookie, NEW_SECRET));
  const sessions = [late, ...(await Promise.all(staying)), ...(await Promise.all(passing)).flat()];
  for (const secret of [oldSecret, NEW_SECRET])
    assert.ok(sessions.filter(({ cookie }) => isSignedBy(cookie, secret)).length > 1);

  writeFileSync(file, `${NEW_SECRET}\n`);
  await farm.reload();
  for (const { cookie, count } of sessions) {
    const answer = await ask(`${url}session`, { cookie });
    const isOurs = isSignedBy(cookie, NEW_SECRET);
    assert.is(answer.json().count, isOurs ? count : 0);
    assert.is(cookieOf(answer) === undefined, isOurs);
  }
});

test("secrets, damaged, are refused by a reload, and the farm goes on with those that it has", async ({
  farm,
  file,
  url,
}) => {
  const text = readFileSync(file, "utf8");
  const added = await ask(`${url}session/add`);
  writeFileSync(file, `open sesame\n${text}`);
  let refusal: unknown;
  await farm.reload().catch((error) => (refusal = error));
  assert.instance(refusal, OptionError);
  assert.match((refusal as Error).message, /^the session secret in \S+farm\.db\.secret is damaged/);
  assert.is((await ask(`${url}session`, { cookie: cookieOf(added) })).json().count, 1);
  writeFileSync(file, text);
});

test.run();
