// The products' pictures: small SVGs composed of a few shapes on a common ground of sky, sea and sand. Pure functions of
// motif and hue; nothing is loaded from anywhere. Coordinates are of a square of 200 by 200.

export type Motif = keyof typeof MOTIFS;

interface Palette {
  readonly main: string;
  readonly dark: string;
  readonly light: string;
}

function palette(hue: number): Palette {
  return { main: `hsl(${hue} 58% 56%)`, dark: `hsl(${hue} 52% 36%)`, light: `hsl(${hue} 74% 82%)` };
}

/** `count` copies of a shape, turned around (100, 100). */
function around(count: number, shape: string): string {
  return Array.from(
    { length: count },
    (_, i) => `<g transform="rotate(${(360 / count) * i} 100 100)">${shape}</g>`,
  ).join("");
}

const MOTIFS = {
  lens: ({ main, dark, light }: Palette) =>
    `<path d="M126 126l34 34" stroke="${dark}" stroke-width="14" stroke-linecap="round"/><circle cx="96" cy="96" r="44" fill="${light}" fill-opacity=".85" stroke="${main}" stroke-width="10"/><path d="M70 112l26-38 26 38z" fill="${dark}" fill-opacity=".75"/><path d="M70 78a34 34 0 0 1 18-14" stroke="#fff" stroke-width="6" fill="none" stroke-linecap="round"/>`,
  bucket: ({ main, dark, light }: Palette) =>
    `<path d="M56 82a44 44 0 0 1 88 0" stroke="${dark}" stroke-width="6" fill="none"/><path d="M50 82h100l-12 76H62z" fill="${main}"/><ellipse cx="100" cy="82" rx="50" ry="12" fill="${light}"/><path d="M58 126h84l-4 32H62z" fill="${dark}" fill-opacity=".35"/>`,
  net: ({ main, dark, light }: Palette) =>
    `<path d="M104 96l56 64" stroke="${dark}" stroke-width="9" stroke-linecap="round"/><path d="M46 66c-4 60 24 78 62 66 4-30 0-54-16-76z" fill="${light}" fill-opacity=".8"/><path d="M52 90l50-8M50 106l56 0M60 122l48-10M62 66l14 64M80 62l18 68" stroke="${main}" stroke-width="2"/><ellipse cx="70" cy="64" rx="34" ry="14" fill="none" stroke="${main}" stroke-width="7" transform="rotate(-14 70 64)"/>`,
  clock: ({ main, dark, light }: Palette) =>
    `<circle cx="100" cy="104" r="52" fill="${light}" stroke="${dark}" stroke-width="9"/><path d="M52 112c16-12 32 12 48 0s32 12 48 0a48 48 0 0 1-96 0z" fill="${main}" fill-opacity=".75"/><path d="M100 104l22-34" stroke="${dark}" stroke-width="6" stroke-linecap="round"/><circle cx="100" cy="104" r="6" fill="${dark}"/>`,
  knife: ({ main, dark, light }: Palette) =>
    `<g transform="rotate(-32 100 104)"><path d="M36 92h76v24H58q-22-2-22-24z" fill="${light}" stroke="${dark}" stroke-width="3"/><rect x="112" y="90" width="56" height="28" rx="12" fill="${main}"/><circle cx="154" cy="104" r="5" fill="${light}"/></g>`,
  book: ({ main, dark, light }: Palette) =>
    `<g transform="rotate(-8 100 104)"><rect x="58" y="50" width="88" height="112" rx="6" fill="${dark}"/><rect x="66" y="54" width="78" height="104" fill="#fdfaf3"/><rect x="58" y="48" width="80" height="110" rx="6" fill="${main}"/><path d="M98 76l22 30H76z" fill="${light}"/><path d="M76 122h44M82 134h32" stroke="${light}" stroke-width="5" stroke-linecap="round"/></g>`,
  chart: ({ main, dark, light }: Palette) =>
    `<path d="M44 66l38-12 38 12 38-12v90l-38 12-38-12-38 12z" fill="#fdfaf3" stroke="${dark}" stroke-width="4"/><path d="M82 54v90M120 66v90" stroke="${dark}" stroke-opacity=".3" stroke-width="3"/><path d="M50 122q18-34 34-16t36-8 34-20" stroke="${main}" stroke-width="7" fill="none" stroke-linecap="round"/><circle cx="128" cy="92" r="9" fill="${light}" stroke="${dark}" stroke-width="3"/>`,
  shell: ({ main, dark, light }: Palette) =>
    `<path d="M100 154C44 140 38 88 62 64q38-28 76 0c24 24 18 76-38 90z" fill="${main}"/><path d="M100 152L62 70M100 152L80 58M100 152V54M100 152l20-94M100 152l38-82" stroke="${light}" stroke-width="5" stroke-linecap="round"/><path d="M84 150h32l-6 14H90z" fill="${dark}"/>`,
  rope: ({ main, dark, light }: Palette) =>
    `<g fill="none" stroke-width="13" stroke-linecap="round"><path d="M46 128q28-76 54-24t54-24" stroke="${dark}"/><path d="M46 84q30 74 54 22t54 34" stroke="${main}"/></g><path d="M50 92l8-6M64 110l10-4M88 116l10-6M112 100l8-6M132 108l8-8M146 126l8-6" stroke="${light}" stroke-width="4"/>`,
  mug: ({ main, dark, light }: Palette) =>
    `<path d="M136 88q34 0 26 28-6 20-36 18" stroke="${dark}" stroke-width="10" fill="none"/><path d="M52 70h92l-14 84q-30 10-64 0z" fill="${main}"/><ellipse cx="98" cy="70" rx="46" ry="12" fill="${dark}"/><ellipse cx="98" cy="72" rx="36" ry="7" fill="${light}" fill-opacity=".6"/><path d="M66 92l6 50M84 96l2 52M104 96v52" stroke="${light}" stroke-opacity=".5" stroke-width="4"/><path d="M86 50q-8-10 0-20M106 50q-8-10 0-20" stroke="#fff" stroke-width="5" fill="none" stroke-linecap="round"/>`,
  starfish: ({ main, dark, light }: Palette) =>
    `${around(5, `<path d="M86 96q4-40 14-54 10 14 14 54z" fill="${main}"/><circle cx="100" cy="64" r="3.5" fill="${light}"/><circle cx="100" cy="78" r="4.5" fill="${light}"/>`)}<circle cx="100" cy="100" r="20" fill="${main}"/><circle cx="100" cy="100" r="7" fill="${dark}"/>`,
  hat: ({ main, dark, light }: Palette) =>
    `<path d="M34 128q66-30 132 0-20 26-66 22-46 4-66-22z" fill="${main}"/><path d="M60 118q0-54 40-54t40 54q-40 14-80 0z" fill="${main}"/><path d="M60 116q40 16 80 0v-12q-40 14-80 0z" fill="${dark}"/><path d="M78 84q8-10 20-10" stroke="${light}" stroke-width="6" fill="none" stroke-linecap="round"/>`,
  boots: ({ main, dark, light }: Palette) =>
    `<path d="M52 48h36v74q30 6 30 36H52z" fill="${dark}"/><path d="M92 42h36v74q32 6 32 38H92z" fill="${main}"/><path d="M92 42h36v14H92z" fill="${light}"/><path d="M92 150h68v10H92zM52 154h40v8H52z" fill="#2b2b2b" fill-opacity=".6"/>`,
  jumper: ({ main, dark, light }: Palette) =>
    `<path d="M74 56q26 16 52 0l40 34-18 24-16-10v56H68v-56l-16 10-18-24z" fill="${main}"/><path d="M74 56q26 16 52 0l-8-6q-18 8-36 0z" fill="${dark}"/><path d="M68 100l8-8 8 8 8-8 8 8 8-8 8 8 8-8 8 8M68 118l8-8 8 8 8-8 8 8 8-8 8 8 8-8 8 8" stroke="${light}" stroke-width="4" fill="none"/>`,
  lamp: ({ main, dark, light }: Palette) =>
    `<circle cx="100" cy="84" r="62" fill="${light}" fill-opacity=".55"/><path d="M100 112Q92 76 58 74M100 112Q98 62 72 48M100 112V38M100 112q2-50 28-64M100 112q8-36 42-38M100 112Q84 92 52 100M100 112q16-20 48-12" stroke="${main}" stroke-width="8" fill="none" stroke-linecap="round"/><g fill="#fffbe8"><circle cx="58" cy="74" r="6"/><circle cx="72" cy="48" r="6"/><circle cx="100" cy="38" r="6"/><circle cx="128" cy="48" r="6"/><circle cx="142" cy="74" r="6"/><circle cx="52" cy="100" r="6"/><circle cx="148" cy="100" r="6"/></g><path d="M76 108q24-12 48 0l8 54q-32 9-64 0z" fill="${dark}"/><path d="M84 122q16 6 32 0" stroke="${light}" stroke-opacity=".6" stroke-width="4" fill="none" stroke-linecap="round"/>`,
  hooks: ({ main, dark, light }: Palette) =>
    `<path d="M28 82q10-18 38-12 30 6 56-3 34-10 50 9 6 16-12 22-34 6-62 2-32-2-56 4-18-4-14-22z" fill="${main}"/><path d="M42 84q30-8 54 0t62-4M60 96q20-4 34-1" stroke="${light}" stroke-width="3.5" stroke-opacity=".7" fill="none" stroke-linecap="round"/><g stroke="${dark}" stroke-width="8" fill="none" stroke-linecap="round"><path d="M52 94v34q0 12 12 12 10 0 10-10M92 96v34q0 12 12 12 10 0 10-10M132 94v34q0 12 12 12 10 0 10-10"/></g><path d="M60 62q6-16 0-26M140 62q-6-16 0-26" stroke="${dark}" stroke-width="3" fill="none"/>`,
  jar: ({ main, dark, light }: Palette) =>
    `<rect x="60" y="62" width="80" height="98" rx="14" fill="#fff" fill-opacity=".75" stroke="${main}" stroke-width="5"/><path d="M65 102q18-9 35-1t35-1v44q0 11-11 11H76q-11 0-11-11z" fill="${light}"/><g fill="#fff"><path d="M76 118l7-5 6 6-7 6zM100 112l8 4-4 8-8-4zM112 134l8-4 4 8-8 4zM84 140l7-4 5 7-8 4z"/></g><rect x="66" y="42" width="68" height="24" rx="6" fill="${dark}"/><rect x="66" y="50" width="68" height="5" fill="${light}" fill-opacity=".4"/><path d="M82 84q9-9 18 0t18 0" stroke="${main}" stroke-width="5" fill="none" stroke-linecap="round"/>`,
  candle: ({ main, dark, light }: Palette) =>
    `<circle cx="100" cy="62" r="34" fill="#fff6d8" fill-opacity=".9"/><path d="M100 34q19 24 10 38-10 9-20 0-9-14 10-38z" fill="#f2b24c"/><path d="M100 52q8 12 4 19-4 4-8 0-4-7 4-19z" fill="#fff1c4"/><path d="M100 74v20" stroke="${dark}" stroke-width="4" stroke-linecap="round"/><path d="M64 96h72v60q-36 11-72 0z" fill="${main}"/><ellipse cx="100" cy="96" rx="36" ry="9" fill="${light}"/><path d="M64 118h72v24H64z" fill="#fdfaf3"/><path d="M74 131q9-8 17 0t18 0 17 0" stroke="${dark}" stroke-width="4" fill="none" stroke-linecap="round"/>`,
  tiles: ({ main, dark, light }: Palette) => {
    const star = Array.from(
      { length: 5 },
      (_, i) => `<path d="M-5-3Q-3-17 0-20 3-17 5-3z" transform="rotate(${72 * i})"/>`,
    ).join("");
    const tile = (x: number, y: number, ground: string, figure: string) =>
      `<rect x="${x}" y="${y}" width="52" height="52" rx="5" fill="${ground}"/><g fill="${figure}" transform="translate(${x + 26} ${y + 27})">${star}<circle r="7"/></g>`;
    return `<g transform="rotate(-4 100 104)">${tile(45, 49, main, light)}${tile(103, 49, light, dark)}${tile(45, 107, light, main)}${tile(103, 107, dark, light)}</g>`;
  },
  socks: ({ main, dark, light }: Palette) =>
    `<g transform="translate(46 2)"><path d="M52 44h34v66l24 22q12 14-2 24-12 8-26-2l-26-22q-6-6-4-18z" fill="${dark}"/></g><path d="M52 44h36v66l26 24q12 13-2 24-13 8-27-3l-28-23q-7-7-5-18z" fill="${main}"/><path d="M52 44h36v16H52z" fill="${light}"/><path d="M52 72h36M52 86h36" stroke="${light}" stroke-width="6"/><path d="M94 158q-2-20 20-24 12 13-2 24-9 5-18 0z" fill="${light}"/><path d="M52 114q12 0 20 14l-12 6q-9-8-8-20z" fill="${light}"/>`,
  tables: ({ main, dark, light }: Palette) =>
    `<g transform="rotate(5 100 104)"><rect x="54" y="44" width="92" height="120" rx="6" fill="#fdfaf3" stroke="${dark}" stroke-width="4"/><path d="M54 50q0-6 6-6h80q6 0 6 6v24H54z" fill="${main}"/><path d="M62 64q9-12 19 0t19 0 19 0 19 0" stroke="${light}" stroke-width="5" fill="none" stroke-linecap="round"/><g stroke="${dark}" stroke-opacity=".55" stroke-width="4" stroke-linecap="round"><path d="M66 92h14M92 92h12M116 92h18M66 108h14M92 108h18M122 108h12M66 124h14M92 124h12M116 124h18M66 140h14M92 140h16M120 140h14"/></g><circle cx="64" cy="52" r="3" fill="#fdfaf3"/></g>`,
  brooch: ({ main, dark, light }: Palette) =>
    `${around(5, `<path d="M96 92q-10-22 2-34 8-9 2-22" stroke="${main}" stroke-width="9" fill="none" stroke-linecap="round"/><path d="M97 84q-7-16 3-27" stroke="${light}" stroke-width="3" fill="none" stroke-linecap="round" stroke-dasharray="1 6"/>`)}<circle cx="100" cy="100" r="19" fill="${dark}"/><circle cx="100" cy="100" r="13" fill="${light}"/><circle cx="95" cy="95" r="4.5" fill="#fff"/>`,
} satisfies Record<string, (palette: Palette) => string>;

/** The picture as an SVG document, 200 by 200. */
export function illustrate(motif: Motif, hue: number): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200" role="img"><defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="hsl(${hue} 46% 93%)"/><stop offset="1" stop-color="hsl(${(hue + 24) % 360} 44% 84%)"/></linearGradient></defs><rect width="200" height="200" fill="url(#g)"/><circle cx="100" cy="104" r="78" fill="#fff" fill-opacity=".38"/><path d="M0 168q25-10 50 0t50 0 50 0 50 0v32H0z" fill="hsl(${hue} 40% 74%)" fill-opacity=".7"/><path d="M0 182q25-8 50 0t50 0 50 0 50 0v18H0z" fill="hsl(38 52% 82%)"/>${MOTIFS[motif](palette(hue))}</svg>`;
}
