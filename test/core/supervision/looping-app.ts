// An app whose procedures do not come to an end, for the tests of a storage thread that hangs.

import type { AppMigration, Procedure } from "../../../workers/app/app.js";

function loopForEver(): void {
  const isOver = () => false;
  while (!isOver());
}

const migrations: Record<string, AppMigration> = {
  "001-notes": {
    up: (database) => database.schema.createTable("notes", (table) => table.string("text")),
  },
};

const procedures: Record<string, Procedure> = {
  add: async (database, text: string) => {
    await database("notes").insert({ text });
  },
  notes: (database) => database("notes").orderBy("text").pluck("text"),
  loop: async () => loopForEver(),
  /** In the middle of its transaction. */
  addAndLoop: async (database) => {
    await database("notes").insert({ text: "not to be kept" });
    await database("notes").select();
    loopForEver();
  },
  /** With a query under way that nobody waits for. */
  askAndLoop: async (database) => {
    void database("notes")
      .select()
      .then(() => {});
    // Until Knex has given it to the database.
    for (let jobs = 0; jobs < 100; jobs++) await null;
    loopForEver();
  },
};

export default { fetch: () => new Response(), migrations, procedures };
