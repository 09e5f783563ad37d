// HalfSipHash with any number of rounds in the plainest way, for the likeness to its paper's figure: what the hashes of flows and of
// 4-tuples are held to. flow-hash.test.ts holds it to the published answers.

const rotate = (value: number, bits: number) => (value << bits) | (value >>> (32 - bits));

/** One round: a state in, a state out. */
function round([a, b, c, d]: number[]): number[] {
  const v0 = (a! + b!) | 0;
  const v1 = rotate(b!, 5) ^ v0;
  const v2 = (c! + d!) | 0;
  const v3 = rotate(d!, 8) ^ v2;
  const w0 = (rotate(v0, 16) + v3) | 0;
  const w2 = (v2 + v1) | 0;
  return [w0, rotate(v1, 13) ^ w2, rotate(w2, 16), rotate(v3, 7) ^ w0];
}

/** The 32-bit result, signed, for the key `k0`, `k1`. */
export function halfSipHash(
  k0: number,
  k1: number,
  message: Uint8Array,
  blockRounds: number,
  finalRounds: number,
): number {
  const rounds = (state: number[], count: number): number[] =>
    count === 0 ? state : rounds(round(state), count - 1);
  const padded = new Uint8Array((message.length & ~3) + 4);
  padded.set(message);
  padded[padded.length - 1] = message.length;
  const view = new DataView(padded.buffer);
  let state = [k0, k1, 0x6c796765 ^ k0, 0x74656462 ^ k1];
  for (let at = 0; at < padded.length; at += 4) {
    const block = view.getInt32(at, true);
    state = rounds([state[0]!, state[1]!, state[2]!, state[3]! ^ block], blockRounds);
    state[0]! ^= block;
  }
  state[2]! ^= 0xff;
  const [, v1, , v3] = rounds(state, finalRounds);
  return v1! ^ v3!;
}
