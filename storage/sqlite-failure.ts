// What a person is told when a SQLite file cannot be opened: one sentence that names the file.

import { firstLineOf, StartFailure, sqliteCodeOf } from "./failure.js";

/** `error` is SQLite's or the file system's. */
export function openFailureOf(error: unknown, filename: string): StartFailure {
  switch (sqliteCodeOf(error) ?? (error as { code?: unknown }).code) {
    case "SQLITE_NOTADB":
      return new StartFailure("not_a_database", `The file ${filename} is not a SQLite database.`);
    case "SQLITE_CORRUPT":
      return new StartFailure(
        "database_corrupt",
        `The database ${filename} is damaged: ${firstLineOf(error)}.`,
      );
    case "SQLITE_BUSY":
    case "SQLITE_LOCKED":
      return new StartFailure("database_in_use", `The database ${filename} is locked by another program.`);
    case "SQLITE_PERM":
    case "SQLITE_READONLY":
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new StartFailure(
        "no_permission",
        `The database ${filename} cannot be opened: no permission to read and write it and its directory.`,
      );
    default:
      return new StartFailure(
        "database_unavailable",
        `The database ${filename} cannot be opened: ${firstLineOf(error)}.`,
      );
  }
}
