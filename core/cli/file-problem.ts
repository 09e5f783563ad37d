// Why a file cannot be read or written, in words, from what the system says.

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EISDIR: "it is a directory",
  EACCES: "the permission is missing",
};

/** The end of a sentence; of an error that is not the system's, or rare, its code or text. */
export function fileProblem(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  return PROBLEMS[code] ?? code;
}
