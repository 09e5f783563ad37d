// The name that somebody may have meant who wrote one that does not exist.

/** More typing errors than that in one word, and it is another word. */
const MAX_EDITS = 2;
/** Longer texts than any name are not compared: the work grows with the product of the lengths. */
const MAX_LENGTH = 40;

/** The name of `names` nearest to `text`, or undefined if none is near. Dashes, underscores and case do not count. */
export function nearestName(text: string, names: readonly string[]): string | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const plainText = plain(text);
  let nearest: string | undefined;
  let fewest = MAX_EDITS + 1;
  for (const name of names) {
    const plainName = plain(name);
    const edits = editDistance(plainText, plainName);
    // Half of a short word in common is chance.
    if (edits < fewest && edits * 2 < plainName.length) {
      nearest = name;
      fewest = edits;
    }
  }
  return nearest;
}

function plain(text: string): string {
  return text.toLowerCase().replaceAll(/[-_]/g, "");
}

/** Letters to insert, remove, replace, or swap with their neighbour, to make one of the other (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let edits = Math.min(last[j]! + 1, row[j - 1]! + 1, replaced);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, beforeLast[j - 2]! + 1);
      }
      row.push(edits);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
