// What limpet serves in the `http` benchmark: the peers' response, a session that is read, and which worker it is.

import { type App, HttpResponse } from "../../workers/app/app.js";
import { HELLO } from "./response.js";

const hello = HttpResponse.text(HELLO);

export default {
  sessionless: (request) => request.path === "/" || request.path === "/worker",

  fetch(request, context) {
    if (request.path === "/") return hello;
    if (request.path === "/worker") return HttpResponse.text(String(context.worker));
    const { session } = context;
    if (request.path === "/put") session.state.visits = 1;
    return HttpResponse.text(`${session.origin} ${Number(session.state.visits ?? 0)}\n`);
  },
} satisfies App;
