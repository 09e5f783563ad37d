// The dashboard's script at work: on a document that is just enough of one, against a real admin server.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { DASHBOARD_HTML } from "../../../core/admin/dashboard.js";
import { type Admin, withAdmin } from "./admin-fixture.js";

class FakeElement {
  textContent = "";
  className = "";
  value = "";
  hidden = true;
  children: FakeElement[] = [];
  readonly handlers = new Map<string, (event: object) => void>();

  append(child: FakeElement): void {
    this.children.push(child);
  }

  replaceChildren(...children: FakeElement[]): void {
    this.children = children;
  }

  addEventListener(name: string, handler: (event: object) => void): void {
    this.handlers.set(name, handler);
  }
}

interface Page {
  readonly byId: (id: string) => FakeElement;
  readonly rows: () => string[][];
  /** Lets a second pass: what the page waits for. Undefined if it does not. */
  next: (() => Promise<void>) | undefined;
  /** Resolves when the look that has begun is over. */
  settled: () => Promise<void>;
}

/** Starts the page's script and waits for its first look. */
async function open({ ask }: Admin): Promise<Page> {
  const ids = [...DASHBOARD_HTML.matchAll(/\bid="(\w+)"/g)].map(([, id]) => id!);
  const elements = new Map(ids.map((id) => [id, new FakeElement()]));
  const [, script = ""] = /<script>(.*?)<\/script>/s.exec(DASHBOARD_HTML) ?? [];
  let nowMs = 0;
  let last: Promise<unknown> = Promise.resolve();
  const document = {
    getElementById: (id: string) => elements.get(id),
    createElement: () => new FakeElement(),
  };
  const fetch = (path: string, { headers }: { headers: Record<string, string> }) => {
    const reply = ask(`/${path}`, { headers }).then(({ status, json }) => ({
      status,
      ok: status < 400,
      json: async () => json,
    }));
    last = reply;
    return reply;
  };
  const page: Page = {
    byId: (id) => elements.get(id)!,
    rows: () => elements.get("rows")!.children.map((row) => row.children.map((cell) => cell.textContent)),
    next: undefined,
    settled: async () => {
      await last.catch(() => {});
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
  const later = (look: () => void): void => {
    page.next = () => {
      nowMs += 1000;
      page.next = undefined;
      look();
      return page.settled();
    };
  };
  const clear = (): void => {};
  new Function("document", "fetch", "performance", "setTimeout", "clearTimeout", script)(
    document,
    fetch,
    { now: () => nowMs },
    later,
    clear,
  );
  await page.settled();
  return page;
}

test("page, draws the totals and a row for each worker, and rates from the second look on", () =>
  withAdmin(async (admin) => {
    const page = await open(admin);
    assert.is(page.byId("note").textContent, "");
    assert.equal([page.byId("state").textContent, page.byId("state").className], ["ready", "good"]);
    assert.equal([page.byId("flows").textContent, page.byId("table").textContent], ["21", "6.1 %"]);
    assert.is(page.byId("requests").textContent, "–");
    const { workers, verdicts } = admin.farm.current;
    admin.farm.current.workers = workers.map((one) => ({ ...one, requests: one.requests + 250 }));
    admin.farm.current.verdicts = { ...verdicts, "flow-hit": verdicts["flow-hit"] + 1234 };
    await page.next!();
    assert.equal([page.byId("requests").textContent, page.byId("packets").textContent], ["500", "1,234"]);
    assert.equal(page.rows(), [
      ["0", "serving", "100 %", "250", "1,250", "30", "40", "10", "20", "0"].map(asShown),
      ["1", "serving", "100 %", "250", "2,250", "31", "41", "11", "21", "1"].map(asShown),
    ]);
    assert.is(page.byId("rows").children[0]!.children[1]!.className, "serving");
  }));

test("page, of a farm that is not ready, then gone, says so, and looks again", () =>
  withAdmin(async (admin) => {
    admin.farm.current.isReady = false;
    const page = await open(admin);
    assert.equal([page.byId("state").textContent, page.byId("state").className], ["not ready", "bad"]);
    admin.farm.trouble = Object.assign(new Error("it is not well"), { code: "sick" });
    await page.next!();
    assert.is(page.byId("note").textContent, "it is not well");
    await admin.server.close();
    await page.next!();
    assert.match(page.byId("note").textContent, /^no farm answers/);
    assert.ok(page.next, "it will look again");
  }));

test("page, where there is a token, asks for it, and shows nothing until then", () =>
  withAdmin(async (admin) => {
    const page = await open(admin);
    assert.equal([page.byId("login").hidden, page.next, page.rows()], [false, undefined, []]);
    page.byId("token").value = " the-farm-s-own-token ";
    page.byId("login").handlers.get("submit")!({ preventDefault: () => {} });
    await page.settled();
    assert.equal([page.byId("login").hidden, page.rows().length], [true, 2]);
  }, "the-farm-s-own-token"));

/** Numbers come to cells as they are, which the real document makes text of. */
function asShown(text: string, i: number): string | number {
  return [0, 9].includes(i) ? Number(text) : text;
}

test.run();
