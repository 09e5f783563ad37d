// A terminal that is drawn on as a whole, again and again, until its user has had enough, and is then left as it was found:
// the other screen buffer, the cursor hidden, no line wrapped, keys read one by one. Must not know what is drawn.

import type { EventEmitter } from "node:events";

/** What of `process.stdin` and `process.stdout` is needed. */
export interface Terminal {
  readonly input: EventEmitter & {
    setRawMode?(isRaw: boolean): unknown;
    resume(): unknown;
    pause(): unknown;
  };
  readonly output: { write(text: string): unknown; readonly isTTY?: boolean; readonly rows?: number };
}

// Private modes of xterm and its descendants (ctlseqs): 1049 other buffer · 25 cursor · 7 wrapping.
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const LEAVE = "\u001b[?7h\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE_END = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

/** In raw mode Ctrl-C is a character like any other; Ctrl-D too. */
const QUIT_KEYS = ["q", "Q", "\u0003", "\u0004"];
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export class Screen {
  /** Aborted when the user has had enough. */
  readonly ended: AbortSignal;
  readonly #terminal: Terminal;
  readonly #ending = new AbortController();
  #isOpen = true;

  /** Takes the terminal over until `close`. */
  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.ended = this.#ending.signal;
    const { input, output } = terminal;
    output.write(ENTER);
    input.setRawMode?.(true);
    input.on("data", this.#onKeys);
    input.resume();
    for (const signal of SIGNALS) process.on(signal, this.#end);
    // Whatever else ends the process must not leave its user with a terminal that shows no cursor.
    process.on("exit", this.close);
  }

  /** Draws the lines from the top; those that the terminal has no room for are left out. */
  draw(text: string): void {
    // Terminals that do not know their size say 0.
    const rows = this.#terminal.output.rows || Number.POSITIVE_INFINITY;
    const lines = text.trimEnd().split("\n").slice(0, rows);
    const drawn = lines.map((line) => `${line}${CLEAR_LINE_END}`).join("\r\n");
    this.#terminal.output.write(`${HOME}${drawn}${CLEAR_BELOW}`);
  }

  /** Gives the terminal back. Can be called again. */
  readonly close = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { input, output } = this.#terminal;
    input.off("data", this.#onKeys);
    input.setRawMode?.(false);
    input.pause();
    for (const signal of SIGNALS) process.off(signal, this.#end);
    process.off("exit", this.close);
    output.write(LEAVE);
  };

  readonly #onKeys = (keys: Uint8Array | string): void => {
    const text = String(keys);
    if (QUIT_KEYS.some((key) => text.includes(key))) this.#end();
  };

  readonly #end = (): void => this.#ending.abort();
}
