// Keeps the session directory true while the storage works: notes what the database has said of a session, unless another
// farm may have changed it since. Knows no SQL. With a database of one's own nothing comes between, and it only notes.
//
// The race: an answer of the database and the news of another farm's later change come by two connections, in any order. If
// the news is first, the answer must not be noted any more. So an operation begins (`begin`) before the database is asked, and
// keys that are told of from then on are not noted, but forgotten, until the next one begins. News that are told before
// it begins were committed before, and its answer has them. One operation is under way at a time.
//
// News take their time: between another farm's commit and their coming the directory is old. For most sessions that is no
// matter, because a client stays with a farm until that is gone. A session that goes to and fro is told of when the other farm loads
// it, before that can change it; from then on it is not noted here for `ROAMING_MS`: each of its requests asks the database.

import { parseSessionKey, type SessionDirectoryWriter } from "../core/memory/session-directory.js";

/** Most keys that are told of during one operation and kept apart; with more, nothing that it says is noted. */
const MAX_CHANGED = 65_536;
/** How long a session that another farm uses is not noted, in ms. */
const ROAMING_MS = 60_000;
/** Most sessions that are known to be used by others; with more, the first are noted again. */
const MAX_ROAMING = 65_536;

export class DirectoryKeeper {
  readonly #directory: SessionDirectoryWriter;
  readonly #isShared: boolean;
  /** False while other farms' changes would not be told. */
  #isTold: boolean;
  /** The same, for all of the operation's time. */
  #mayNote: boolean;
  /** Keys that another farm has changed since the operation began. */
  readonly #changed = new Set<string>();
  /** Sessions that another farm uses, and until when they count as that; the first to end are first. */
  readonly #roaming = new Map<string, number>();
  readonly #nowMs: () => number;

  /** `isShared`: other farms change sessions too; nothing is noted until `followed`. `nowMs` is a clock that never steps. */
  constructor(directory: SessionDirectoryWriter, isShared: boolean, nowMs: () => number) {
    this.#directory = directory;
    this.#nowMs = nowMs;
    this.#isShared = isShared;
    this.#isTold = !isShared;
    this.#mayNote = !isShared;
  }

  /** The database is about to be asked. */
  begin(): void {
    this.#changed.clear();
    this.#mayNote = this.#isTold;
  }

  /** The database has said, in the operation under way, that the session has this version; 0 for none. */
  note(key: string, version: number): void {
    if (this.#mayNote && !this.#changed.has(key) && !this.#isRoaming(key))
      this.#directory.set(parseSessionKey(key), version);
    else this.forget(key);
  }

  /** The session may have another version than the directory says: who asks is sent to the database. */
  forget(key: string): void {
    this.#directory.remove(parseSessionKey(key));
  }

  /** A change came from an older version than the database has: with other farms about, the directory may be why. */
  contradicted(key: string): void {
    if (this.#isShared) this.forget(key);
  }

  /** Another farm has changed these sessions, or is about to. */
  changedElsewhere(keys: readonly string[]): void {
    const untilMs = this.#nowMs() + ROAMING_MS;
    for (const key of keys) {
      this.forget(key);
      this.#roaming.delete(key);
      this.#roaming.set(key, untilMs);
      if (this.#changed.size < MAX_CHANGED) this.#changed.add(key);
      else this.#mayNote = false;
    }
    for (const key of this.#roaming.keys()) {
      if (this.#roaming.size <= MAX_ROAMING) break;
      this.#roaming.delete(key);
    }
  }

  #isRoaming(key: string): boolean {
    const untilMs = this.#roaming.get(key);
    if (untilMs === undefined) return false;
    if (this.#nowMs() < untilMs) return true;
    this.#roaming.delete(key);
    return false;
  }

  /** Other farms' changes are told from now on: what operations that begin now find may be noted. */
  followed(): void {
    this.#isTold = true;
  }

  /** They are not told any more: nothing that is known can be relied on. */
  lost(): void {
    this.#isTold = false;
    this.#mayNote = false;
    this.#directory.forgetAll();
  }
}
