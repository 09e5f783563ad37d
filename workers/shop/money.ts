// Money is a whole number of pence everywhere but on the page.

/** 125000 -> "£1,250.00". `pence` is a whole number, not negative. */
export function formatMoney(pence: number): string {
  const pounds = String(Math.floor(pence / 100)).replace(/\B(?=(\d{3})+$)/g, ",");
  return `£${pounds}.${String(pence % 100).padStart(2, "0")}`;
}
