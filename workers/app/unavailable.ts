// The app of the farm's stand-in: what is served while no worker of the real app does.

import { type App, HttpResponse } from "./app.js";

const RETRY_AFTER_S = "1";

export default {
  sessionless: () => true,

  fetch: () =>
    HttpResponse.text("503 Service Unavailable: no worker serves at the moment\n", {
      status: 503,
      headers: { "retry-after": RETRY_AFTER_S, "cache-control": "no-store" },
    }),
} satisfies App;
