// Tables and figures for people, in plain columns: readable on a terminal, and cut apart easily by other programs.

import Table from "cli-table3";

export interface Column {
  readonly name: string;
  /** Texts to the left, numbers to the right. */
  readonly align: "left" | "right";
}

const SEPARATOR = "  ";

/** No lines around or between cells: cli-table3 draws each of these. */
const NO_LINES = Object.fromEntries(
  ["top", "bottom", "left", "right"].flatMap((side) =>
    ["", "-mid", "-left", "-right"].map((part) => [`${side}${part}`, ""]),
  ),
);

/** The table, each line with its end; the head is bold with `hasColors`. No line has blanks at its end. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly (string | number)[])[],
  hasColors: boolean,
): string {
  const table = new Table({
    head: columns.map(({ name }) => name),
    colAligns: columns.map(({ align }) => align),
    chars: { ...NO_LINES, mid: "", "mid-mid": "", middle: SEPARATOR },
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 0 },
  });
  table.push(...rows.map((row) => row.map(printable)));
  const [head = "", ...lines] = table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
  return [hasColors ? bold(head) : head, ...lines].map((line) => `${line}\n`).join("");
}

export function bold(text: string): string {
  return `\u001b[1m${text}\u001b[22m`;
}

/** Text of the farm, without what a terminal would take for a command. */
export function printable(text: string | number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return String(text).replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}

/** A rate a second: whole from 10 on, with a decimal below. */
export function formatRate(perSecond: number): string {
  return perSecond >= 10 || perSecond === 0 ? String(Math.round(perSecond)) : perSecond.toFixed(1);
}

/** The share in percent; of nothing, 0. */
export function formatShare(part: number, whole: number): string {
  return `${whole === 0 ? "0.0" : ((part / whole) * 100).toFixed(1)} %`;
}

/** The two largest units: "3 d 4 h", "12 min 5 s", "0 s". */
export function formatDuration(seconds: number): string {
  const units = [
    ["d", 86_400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
  ] as const;
  const whole = Math.floor(seconds);
  const first = units.findIndex(([, size]) => whole >= size);
  if (first < 0) return "0 s";
  return units
    .slice(first, first + 2)
    .map(
      ([unit, size], i) => [Math.floor((i === 0 ? whole : whole % units[first]![1]) / size), unit] as const,
    )
    .filter(([count], i) => i === 0 || count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

/** The names of what there is any of, the most frequent first. */
export function byCount(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([, one], [, other]) => other - one)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}
