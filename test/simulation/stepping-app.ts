// An app whose requests are steps: each changes the session's state, orders, or fails, and is answered with the state as it then
// is. What each step must do is session-model.ts's.

import {
  type App,
  type HttpRequest,
  HttpResponse,
  type Procedure,
  type Session,
} from "../../workers/app/app.js";
import { fakeRequest } from "../support/session-farm.js";
import type { Asked, State, Step } from "./session-model.js";

/** When the handler does its work: before it returns, some turns of the event loop later, or when it is let go. */
export type Pace = "at once" | "later" | "held";

/** What handlers wait for that are not to answer at once, and what all orders wait for within their transaction. */
export type Waits = Readonly<Record<Exclude<Pace, "at once"> | "transaction", () => Promise<void>>>;

export function requestOf({ step, number }: Asked, pace: Pace, cookie: string | undefined): HttpRequest {
  return fakeRequest(step === "read" ? "GET" : "POST", `/${step}/${number}/${pace}`, cookie);
}

export function steppingApp(waits: Waits): App {
  const order: Procedure = async (database, number: number) => {
    await waits.transaction();
    await database("orders").insert({ number });
  };
  return {
    migrations,
    procedures: {
      order,
      async "refused-order"(database, number) {
        await order(database, number);
        throw new Error("refused");
      },
    },
    fetch(request, { session }) {
      const [, step, number, pace] = request.path.split("/") as [string, Step, string, Pace];
      if (pace === "at once") return take(step, Number(number), session);
      return waits[pace]().then(() => take(step, Number(number), session));
    },
  };
}

export const migrations: NonNullable<App["migrations"]> = {
  "0001_orders": {
    async up(database) {
      // Nothing here keeps an order from being made twice.
      await database.schema.createTable("orders", (table) => table.integer("number").notNullable());
    },
  },
};

function stateOf({ state }: Session): State {
  const {
    value = 0,
    count = 0,
    orders = [],
  } = state as { value?: number; count?: number; orders?: number[] };
  return [value, count, orders];
}

function take(step: Step, number: number, session: Session): HttpResponse | Promise<HttpResponse> {
  const { state } = session;
  switch (step) {
    case "read":
      break;
    case "set":
      state.value = number;
      break;
    case "increment":
      state.count = stateOf(session)[1] + 1;
      break;
    case "set-then-throw":
      state.value = number;
      throw new Error("thrown");
    case "order":
    case "order-then-throw":
    case "refused-order":
      return takeOrder(step, number, session);
    case "regenerate":
      session.regenerate();
      break;
    case "login":
      session.regenerate();
      state.value = number;
      break;
    case "destroy":
      session.destroy();
  }
  return HttpResponse.json(stateOf(session));
}

async function takeOrder(step: Step, number: number, session: Session): Promise<HttpResponse> {
  session.state.orders = [...stateOf(session)[2], number];
  await session.commitWith(step === "refused-order" ? step : "order", number);
  if (step === "order-then-throw") throw new Error("thrown");
  return HttpResponse.json(stateOf(session));
}
