// What farms that share a database tell each other: which sessions they have changed, or are about to use. Only that, and no
// versions: who hears of it forgets what he knew, and forgetting is right in whatever order news come, as two connections
// bring them.
//
//   notice   <sender, 16 digits> <key, 32 digits> <key> …      hexadecimal, nothing between them
//
// PostgreSQL takes payloads below 8000 bytes: many changes make several notices.

export const CHANGES_CHANNEL = "limpet_sessions";

const SENDER_CHARACTERS = 16;
const KEY_CHARACTERS = 32;
const MAX_NOTICE_BYTES = 7_999;
const MAX_KEYS = Math.floor((MAX_NOTICE_BYTES - SENDER_CHARACTERS) / KEY_CHARACTERS);

/** The notices of a transaction that has changed or loaded these keys. `sender` has 16 hexadecimal digits. */
export function noticesOf(sender: string, keys: readonly string[]): string[] {
  const notices: string[] = [];
  for (let start = 0; start < keys.length; start += MAX_KEYS) {
    notices.push(sender + keys.slice(start, start + MAX_KEYS).join(""));
  }
  return notices;
}

export interface Notice {
  readonly sender: string;
  readonly keys: readonly string[];
}

/** What a notice says; undefined if it is none: anyone who may use the database may write to the channel. */
export function readNotice(text: string): Notice | undefined {
  const digits = text.length - SENDER_CHARACTERS;
  if (digits <= 0 || digits % KEY_CHARACTERS !== 0 || !/^[0-9a-f]*$/.test(text)) return undefined;
  const keys: string[] = [];
  for (let start = SENDER_CHARACTERS; start < text.length; start += KEY_CHARACTERS) {
    keys.push(text.slice(start, start + KEY_CHARACTERS));
  }
  return { sender: text.slice(0, SENDER_CHARACTERS), keys };
}
