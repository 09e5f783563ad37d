// Figures as text in columns, for people.

/** Rows with the same keys, which are the columns' heads. */
export type Rows = readonly Readonly<Record<string, string | number>>[];

/** An aligned text table: the first column to the left, the others to the right. */
export function formatTable(rows: Rows): string {
  const columns = Object.keys(rows[0] ?? {});
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column])))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)));
  const lines = cells.map((line) =>
    line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "),
  );
  return `${lines.join("\n")}\n`;
}
