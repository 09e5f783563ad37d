// HTML and SVG by template literals: whatever is put in is escaped, unless it is markup made here. What a report shows comes from
// files and packets, and may be written by an enemy: there is no other way to put text into a page.

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text that is markup already. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What can be put into markup; of `undefined` comes nothing. */
export type Piece = string | number | Markup | readonly Piece[] | undefined;

/** The literal, with each piece escaped. Attributes must be in quotes. */
export function markup(literals: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  const rest = pieces.map((piece, i) => textOf(piece) + literals[i + 1]!);
  return new Markup(literals[0]! + rest.join(""));
}

function textOf(piece: Piece): string {
  if (piece === undefined) return "";
  if (piece instanceof Markup) return piece.text;
  if (typeof piece === "object") return piece.map(textOf).join("");
  return escapeText(String(piece));
}

/** Control characters become blanks: HTML knows none of them but white space. */
function escapeText(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
      .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]+/g, " ")
      .replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!)
  );
}
