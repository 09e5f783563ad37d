// Arithmetic on TCP sequence numbers, which live in a circle of 2^32 (RFC 9293 section 3.4).
// Numbers are kept as signed 32-bit integers, which V8 stores in place where it would allocate a box for an unsigned
// one above 2^31; every sum passes through `add`. The comparisons take either form.

/** `sequence + count`, modulo 2^32, as a signed number. */
export function add(sequence: number, count: number): number {
  return (sequence + count) | 0;
}

/** How far `a` is ahead of `b` in the circle, -2^31 … 2^31-1. */
export function difference(a: number, b: number): number {
  return (a - b) | 0;
}

/** `a < b` in the circle. */
export function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** `a <= b` in the circle. */
export function beforeOrAt(a: number, b: number): boolean {
  return ((a - b) | 0) <= 0;
}

/** `a > b` in the circle. */
export function after(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

/** `a >= b` in the circle. */
export function afterOrAt(a: number, b: number): boolean {
  return ((a - b) | 0) >= 0;
}
