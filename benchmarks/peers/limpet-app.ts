// What limpet serves in the `http` benchmark: the peers' response, and a session that is read.

import { type App, HttpResponse } from "../../workers/app/app.js";
import { HELLO } from "./response.js";

const hello = HttpResponse.text(HELLO);

export default {
  sessionless: (request) => request.path === "/",

  fetch(request, { session }) {
    if (request.path === "/") return hello;
    if (request.path === "/put") session.state.visits = 1;
    return HttpResponse.text(`${session.origin} ${Number(session.state.visits ?? 0)}\n`);
  },
} satisfies App;
