// An app that knows what its storage is asked: a procedure counts the statements of the one connection that there is. Beside it, the
// shortest possible reading and writing of a session.

import { type App, HttpResponse } from "../../workers/app/app.js";

export interface StatementCounts {
  /** All statements, those of the transactions among them. */
  readonly statements: number;
  readonly transactions: number;
}

let statements = 0;
let transactions = 0;
let isCounting = false;

export default {
  sessionless: (request) => request.path === "/statements",

  async fetch(request, context) {
    switch (request.path) {
      case "/statements":
        return HttpResponse.json(await context.call<StatementCounts>("countStatements"));
      case "/write":
        context.session.state.writes = Number(context.session.state.writes ?? 0) + 1;
        return HttpResponse.text("written");
      default:
        return HttpResponse.text(`${context.session.origin} ${context.session.state.writes}`);
    }
  },

  procedures: {
    /** What there was since this was called for the first time. Is itself no statement. */
    async countStatements(database): Promise<StatementCounts> {
      if (!isCounting) {
        isCounting = true;
        database.on("query", ({ sql }: { readonly sql: string }) => {
          statements++;
          if (sql.startsWith("BEGIN")) transactions++;
        });
      }
      return { statements, transactions };
    },
  },
} satisfies App;
