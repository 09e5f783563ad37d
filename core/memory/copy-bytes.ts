// Copies bytes between arrays the fastest way that each length allows. Measured on Node 20, for 100 bytes: a loop 280
// ns, `set` of a view 55 ns (and a view to collect), `set` of a whole array 25 ns; below some 24 bytes the loop is
// the fastest. Where either array lies in shared memory, V8's `set` copies by single words, and where the two are not
// equally aligned by single bytes: 950 ns for 1,448, 34 µs for 64 KiB. `fill` copies in native code whatever the memory:
// 250 ns, 2.3 µs.

const LOOP_BYTES = 24;
const NATIVE_BYTES = 1024;

/** Copies `source[start … end)` to `target` at `at`. The two must not overlap in one buffer. */
export function copyBytes(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): void {
  const length = end - start;
  if (length < LOOP_BYTES) {
    for (let from = start, to = at; from < end; from++, to++) target[to] = source[from]!;
  } else if (length >= NATIVE_BYTES) {
    // It fills with what it is given once, as that is as long as the place.
    Buffer.prototype.fill.call(target, source.subarray(start, end), at, at + length);
  } else if (start === 0 && end === source.length) {
    target.set(source, at);
  } else {
    target.set(source.subarray(start, end), at);
  }
}
