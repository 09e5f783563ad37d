// Byte-level mutations of requests, and ways to cut them, for fuzz tests; the same for the same seed on every machine.

/** Pieces that mean something to the parser: mutations put them where they don't belong. */
const WORDS = [
  "\r\n",
  "\r",
  "\n",
  "\0",
  " ",
  "\t",
  ":",
  ",",
  ";",
  "0",
  "\r\n\r\n",
  "0\r\n\r\n",
  "5\r\nhello\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "Host: a\r\n",
  "Content-Length: 3\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Connection: close\r\n",
  "Expect: 100-continue\r\n",
  "chunked",
  "HTTP/1.1",
  "HTTP/1.0",
  "http://b",
  "\xff",
];

/** A number from 0 to `below`, exclusive. */
type Random = (below: number) => number;

/** A small generator of our own, so that a seed means the same on every machine (mulberry32). */
export function randomOf(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) % below) | 0;
  };
}

function mutated(text: string, random: Random): string {
  const at = random(text.length + 1);
  const word = WORDS[random(WORDS.length)]!;
  switch (random(5)) {
    case 0:
      return text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + random(4));
    case 2:
      return text.slice(0, at) + word + text.slice(at);
    case 3:
      return text.slice(0, at) + word + text.slice(at + word.length);
    default:
      return text.slice(0, at) + text.slice(random(text.length + 1)).slice(0, 200);
  }
}

/** One or two of `seeds` after another, mutated one to four times. */
export function mutatedOf(seeds: readonly string[], random: Random): string {
  let input = seeds[random(seeds.length)]!;
  if (random(2) === 0) input += seeds[random(seeds.length)]!;
  for (let mutations = random(4); mutations >= 0; mutations--) input = mutated(input, random);
  return input;
}

/** Words and bytes, without sense. */
export function nonsense(random: Random): string {
  let text = "";
  for (let length = random(120); length > 0; length--) {
    text += random(4) === 0 ? WORDS[random(WORDS.length)]! : String.fromCharCode(random(256));
  }
  return text;
}

export function cut(text: string, random: Random): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = at + 1 + random(random(3) === 0 ? 3 : 60);
    pieces.push(text.slice(at, end));
    at = end;
  }
  return pieces;
}
