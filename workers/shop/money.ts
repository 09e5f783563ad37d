// Money is a whole number of pence everywhere but on the page.

/** 1250 -> "£12.50". */
export function formatMoney(pence: number): string {
  return `£${Math.floor(pence / 100)}.${String(pence % 100).padStart(2, "0")}`;
}
