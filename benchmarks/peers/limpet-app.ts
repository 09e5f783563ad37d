// What limpet serves in the `http` benchmark: the peers' answers, sessions that are read and written, and which worker it is. `/` is
// for benchmarks to which it does not matter what is answered.

import { type App, HttpResponse } from "../../workers/app/app.js";
import { BODIES, BODY_TYPE, visitsText, WORKER_PATH, WRITE_PATH } from "./response.js";

const answers = new Map(
  Object.entries(BODIES).map(([path, body]) => {
    return [path, new HttpResponse(body, { headers: { "content-type": BODY_TYPE } })];
  }),
);

export default {
  sessionless: ({ path }) => answers.has(path) || path === WORKER_PATH,

  fetch({ path }, context) {
    const answer = answers.get(path);
    if (answer !== undefined) return answer;
    if (path === WORKER_PATH) return HttpResponse.text(String(context.worker));
    const { session } = context;
    // Where the state came from: "cache" is what `session-read` is about.
    if (path === "/origin") return HttpResponse.text(session.origin);
    const visits = Number(session.state.visits ?? 0);
    if (path !== WRITE_PATH) return HttpResponse.text(visitsText(visits));
    session.state.visits = visits + 1;
    return HttpResponse.text(visitsText(visits + 1));
  },
} satisfies App;
