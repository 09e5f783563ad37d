// What every server in the `http` benchmark answers with: the same bytes of the same type at the same paths.

export const BODY_TYPE = "text/plain; charset=utf-8";

const HELLO = Buffer.from("Hello, world!");

/** By path. Each 16 bytes of the large ones are different, so that bytes at a wrong place are noticed. */
export const BODIES: Readonly<Record<string, Buffer>> = {
  "/": HELLO,
  "/hello": HELLO,
  "/16-kib": lines(16 * 1024),
  "/1-mib": lines(1024 * 1024),
};

/** Says how often the session was written; the first path does not write, the second does so before it answers. */
export const READ_PATH = "/session";
export const WRITE_PATH = "/write";
/** Says which worker or process answers. */
export const WORKER_PATH = "/worker";

export function visitsText(visits: number): string {
  return `visits ${visits}\n`;
}

/** The number in what `visitsText` has made; NaN for anything else. */
export function visitsIn(text: string): number {
  return Number(/^visits (\d+)\n$/.exec(text)?.[1]);
}

function lines(bytes: number): Buffer {
  const line = (n: number) => `${n.toString(16).padStart(15, "0")}\n`;
  return Buffer.from(Array.from({ length: bytes / 16 }, (_, n) => line(n)).join(""));
}
