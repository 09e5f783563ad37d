// An app as the storage thread sees it, for the tests: a table of notes and procedures around it.

import type { AppMigration, Procedure } from "../../workers/app/app.js";

const migrations: Record<string, AppMigration> = {
  "0001_notes": {
    async up(database) {
      await database.schema.createTable("notes", (table) => {
        table.string("key").notNullable();
        table.integer("number").notNullable();
        table.unique(["key", "number"]);
      });
    },
  },
};

const procedures: Record<string, Procedure> = {
  async note(database, { key, number }: { key: string; number: number }) {
    await database("notes").insert({ key, number });
    return number;
  },
  async notes(database, key: string) {
    return (await database("notes").where({ key }).select("number")).length;
  },
  /** Forgets a promise that rejects. */
  async careless() {
    void Promise.reject(new Error("forgotten"));
    return "done";
  },
};

export default { fetch: () => new Response(), migrations, procedures };
