// The shop, for a farm that is to be broken: the same app, in which a request can also ask for its worker's end, and in which
// each session keeps a trail of the steps that have changed it. A step's number is committed with what the step did, or
// not at all; so the database itself says what has happened, how often and in which order, whatever the clients were told.

import {
  type App,
  type Context,
  type HttpRequest,
  HttpResponse,
  type Session,
} from "../../workers/app/app.js";
import shop from "../../workers/shop/shop.js";

/** Whose request it is: kept in the session, to find it in the database. */
export const VISITOR_HEADER = "x-chaos-visitor";
/** The number of the step that the request is; without it the request only looks. */
export const STEP_HEADER = "x-chaos-step";
/** What is to break while the request is served: a `RequestFault`. */
export const FAULT_HEADER = "x-chaos-fault";
/** In the answer to a look: the steps so far, in order, with commas between them. */
export const TRAIL_HEADER = "x-chaos-trail";

/** The product of which there is so little that it sells out; of the others there is enough for any run. */
export const SCARCE_PRODUCT = "limpet-lens";
const SCARCE_STOCK = 500;
const PLENTY = 1_000_000_000;

/** "-committing": once the change is on its way to the storage, with the session's lock held. */
export type RequestFault =
  | "exit"
  | "exit-committing"
  | "throw-committing"
  | "hang"
  | "hang-committing"
  | "end-storage"
  | "hang-storage";

/** What the app keeps in a session beside the shop's. */
export interface ChaosState {
  readonly visitor?: string;
  readonly trail?: readonly number[];
}

function breakDown(fault: RequestFault, context: Context): void {
  // Ends the worker's thread, not the process.
  const exit = () => process.exit(3);
  switch (fault) {
    case "exit":
      exit();
      break;
    case "exit-committing":
      setImmediate(exit);
      break;
    case "throw-committing":
      setImmediate(() => {
        throw new Error("thrown by the chaos test where nobody catches it");
      });
      break;
    case "hang":
      loopForEver();
      break;
    case "hang-committing":
      setImmediate(loopForEver);
      break;
    case "end-storage":
      context.call("chaosEndStorage").catch(() => {});
      break;
    case "hang-storage":
      context.call("chaosHangStorage").catch(() => {});
      break;
  }
}

function loopForEver(): void {
  const isOver = () => false;
  while (!isOver());
}

/** Done nothing, as the shop would say it. */
function unavailable({ worker }: Context): HttpResponse {
  const headers = { "retry-after": "1", "x-limpet-worker": String(worker) };
  return HttpResponse.text("The storage hangs.\n", { status: 503, headers });
}

/** The shop's answer to a step. What it has not done leaves no trace in the session. */
async function takeStep(request: HttpRequest, context: Context, step: number) {
  const { session } = context;
  const before = session.state as ChaosState;
  const { trail = [] } = before;
  // The same step may be sent again: a checkout whose answer was lost.
  if (!trail.includes(step)) session.state.trail = [...trail, step];
  session.state.visitor = request.headers.get(VISITOR_HEADER);
  const response = await shop.fetch(request, context);
  if (response.status >= 300) takeBack(session, before.visitor === undefined ? undefined : trail);
  return response;
}

function takeBack(session: Session, trail: readonly number[] | undefined): void {
  session.state.trail = trail;
  if (trail !== undefined) return;
  // It was a new session, and shall be as empty as it was.
  delete session.state.trail;
  delete session.state.visitor;
}

export default {
  ...shop,

  async fetch(request, context) {
    const fault = request.headers.get(FAULT_HEADER);
    if (fault !== null) breakDown(fault as RequestFault, context);
    // Its own step would fail of it without a word from the app, and the client would bring the fault again.
    if (fault === "hang-storage") return unavailable(context);
    const step = request.headers.get(STEP_HEADER);
    if (step !== null) return takeStep(request, context, Number(step));
    const response = await shop.fetch(request, context);
    const { trail = [] } = context.session.state as ChaosState;
    // The shop's answers are all of limpet's own kind.
    return (response as HttpResponse).withAppendedHeader(TRAIL_HEADER, trail.join(","));
  },

  procedures: {
    ...shop.procedures,
    async chaosEndStorage() {
      setImmediate(() => {
        throw new Error("thrown in the storage thread by the chaos test");
      });
      return null;
    },
    async chaosHangStorage() {
      loopForEver();
    },
  },

  migrations: {
    ...shop.migrations,
    "900-chaos-stock": {
      async up(database) {
        await database("shop_products").update({ stock: PLENTY });
        await database("shop_products").where({ id: SCARCE_PRODUCT }).update({ stock: SCARCE_STOCK });
      },
    },
  },
} satisfies App;
