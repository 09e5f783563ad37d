// Workers that share one in-memory storage, as far as the session layer is concerned: for its tests. A `Client` speaks to
// them as a browser would, keeping the cookie that it is given.

import type { App, Context, HttpRequest, HttpResponse } from "../../workers/app/app.js";
import { type AppFault, Application } from "../../workers/app/application.js";
import type { SessionCookieOptions } from "../../workers/session/session-cookie.js";
import { Sessions, type SessionsOptions } from "../../workers/session/sessions.js";
import { MemoryStorage } from "./memory-storage.js";
import { signingSecrets } from "./signing-secrets.js";

export type Answer = ReturnType<App["fetch"]>;
export type Handler = (request: HttpRequest, context: Context) => Answer;

export const SECRET = new Uint8Array(32).fill(7);
export const HOUR_MS = 3_600_000;
/** The cookie of the response under test, split off its attributes. */
const COOKIE = /^limpet\.sid=([^;]*)/;

export interface Worker {
  readonly application: Application;
  readonly sessions: Sessions;
  readonly faults: AppFault[];
}

export class SessionFarm {
  nowMs = 1_700_000_000_000;
  readonly storage = new MemoryStorage(() => this.nowMs);

  /** A worker whose app is this handler, or a whole app. */
  worker(
    app: Handler | App,
    options: Partial<SessionsOptions> & { readonly cookie?: SessionCookieOptions } = {},
  ): Worker {
    const { storage } = this;
    const { cookie, ...rest } = options;
    const sessions = new Sessions({
      secrets: signingSecrets(SECRET),
      storage,
      directory: storage.directory,
      now: () => this.nowMs,
      ...rest,
    });
    const faults: AppFault[] = [];
    const application = new Application({
      app: typeof app === "function" ? { fetch: app } : app,
      sessions,
      storage,
      worker: 3,
      logFault: (fault) => faults.push(fault),
      ...(cookie && { cookie }),
    });
    return { application, sessions, faults };
  }
}

/** A request with the parts that the session layer looks at. */
export function fakeRequest(method = "GET", path = "/", cookie?: string): HttpRequest {
  const request = {
    method,
    url: `http://limpet.test${path}`,
    path,
    sourceAddress: "198.18.0.9",
    sourcePort: 4711,
    cookie: (name: string) => (name === "limpet.sid" ? cookie : undefined),
  };
  return request as unknown as HttpRequest;
}

/** The Set-Cookie values of a response. */
export function setCookiesOf(response: HttpResponse): string[] {
  return response.headers.getSetCookie();
}

/** The ID that the response gives the client; "" if it takes the cookie away, undefined if it says nothing. */
export function newIdOf(response: HttpResponse): string | undefined {
  const [cookie] = setCookiesOf(response);
  return cookie === undefined ? undefined : COOKIE.exec(cookie)?.[1];
}

export class Client {
  id: string | undefined;

  constructor(id?: string) {
    this.id = id;
  }

  /** Sends a request and keeps the cookie. Throws if the answer is not there at once. */
  sendNow(worker: Worker, path = "/", method = "GET"): HttpResponse {
    const answer = worker.application.respond(fakeRequest(method, path, this.id));
    if (answer instanceof Promise) throw new Error("the answer is a promise");
    return this.#keep(answer);
  }

  async send(worker: Worker, path = "/", method = "GET"): Promise<HttpResponse> {
    return this.#keep(await worker.application.respond(fakeRequest(method, path, this.id)));
  }

  #keep(response: HttpResponse): HttpResponse {
    const id = newIdOf(response);
    if (id !== undefined) this.id = id === "" ? undefined : id;
    return response;
  }
}

/** Holds back what is on its way to or from the storage until `open` is called. */
export class Gate {
  readonly #waiting: (() => void)[] = [];
  isOpen = false;

  readonly pass = (): Promise<void> => {
    return this.isOpen ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  };

  open(): void {
    this.isOpen = true;
    this.letGo();
  }

  /** Those who wait now. */
  letGo(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
