// HTML by template literals: whatever is put in is escaped, unless it is HTML made here. Knows nothing of the shop.

/** A piece of HTML that needs no escaping. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Piece = Html | string | number | undefined | false | readonly Piece[];

const ESCAPES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** `text` as HTML text or as the value of a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]!);
}

function render(piece: Piece): string {
  if (piece instanceof Html) return piece.text;
  if (piece === undefined || piece === false) return "";
  if (typeof piece === "string") return escapeHtml(piece);
  if (typeof piece === "number") return String(piece);
  return piece.map(render).join("");
}

/** Joins the literal parts with the pieces between them; lists are joined, `undefined` and `false` leave nothing. */
export function html(parts: TemplateStringsArray, ...pieces: Piece[]): Html {
  let text = parts[0]!;
  for (let i = 0; i < pieces.length; i++) text += render(pieces[i]) + parts[i + 1]!;
  return new Html(text);
}
