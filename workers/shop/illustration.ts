// The products' pictures: small SVGs composed of a few shapes on a common ground of sky, sea and sand. Pure functions of
// motif and hue; nothing is loaded from anywhere.

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
  anemone: ({ main, dark, light }: Palette) =>
    `${around(12, `<path d="M100 96q-6-26 4-46" stroke="${light}" stroke-width="8" fill="none" stroke-linecap="round"/>`)}<circle cx="100" cy="100" r="28" fill="${main}"/><path d="M80 118h40l10 44H70z" fill="${dark}"/><circle cx="100" cy="100" r="11" fill="${light}"/>`,
  starfish: ({ main, dark, light }: Palette) =>
    `${around(5, `<path d="M86 96q4-40 14-54 10 14 14 54z" fill="${main}"/><circle cx="100" cy="64" r="3.5" fill="${light}"/><circle cx="100" cy="78" r="4.5" fill="${light}"/>`)}<circle cx="100" cy="100" r="20" fill="${main}"/><circle cx="100" cy="100" r="7" fill="${dark}"/>`,
  wave: ({ main, dark, light }: Palette) =>
    `<path d="M40 132c10-58 66-82 98-48-22-4-34 6-34 20 0 18 26 22 56 12v36H40z" fill="${main}"/><path d="M40 146q30-18 60 0t60 0v16H40z" fill="${dark}"/><circle cx="142" cy="66" r="5" fill="${light}"/><circle cx="156" cy="82" r="4" fill="${light}"/><circle cx="128" cy="56" r="3" fill="${light}"/>`,
  hat: ({ main, dark, light }: Palette) =>
    `<path d="M34 128q66-30 132 0-20 26-66 22-46 4-66-22z" fill="${main}"/><path d="M60 118q0-54 40-54t40 54q-40 14-80 0z" fill="${main}"/><path d="M60 116q40 16 80 0v-12q-40 14-80 0z" fill="${dark}"/><path d="M78 84q8-10 20-10" stroke="${light}" stroke-width="6" fill="none" stroke-linecap="round"/>`,
  boots: ({ main, dark, light }: Palette) =>
    `<path d="M52 48h36v74q30 6 30 36H52z" fill="${dark}"/><path d="M92 42h36v74q32 6 32 38H92z" fill="${main}"/><path d="M92 42h36v14H92z" fill="${light}"/><path d="M92 150h68v10H92zM52 154h40v8H52z" fill="#2b2b2b" fill-opacity=".6"/>`,
  jumper: ({ main, dark, light }: Palette) =>
    `<path d="M74 56q26 16 52 0l40 34-18 24-16-10v56H68v-56l-16 10-18-24z" fill="${main}"/><path d="M74 56q26 16 52 0l-8-6q-18 8-36 0z" fill="${dark}"/><path d="M68 100l8-8 8 8 8-8 8 8 8-8 8 8 8-8 8 8M68 118l8-8 8 8 8-8 8 8 8-8 8 8 8-8 8 8" stroke="${light}" stroke-width="4" fill="none"/>`,
} satisfies Record<string, (palette: Palette) => string>;

/** The picture as an SVG document, 200 by 200. */
export function illustrate(motif: Motif, hue: number): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200" role="img"><defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="hsl(${hue} 46% 93%)"/><stop offset="1" stop-color="hsl(${(hue + 24) % 360} 44% 84%)"/></linearGradient></defs><rect width="200" height="200" fill="url(#g)"/><circle cx="154" cy="44" r="17" fill="#fff" fill-opacity=".65"/><path d="M0 168q25-10 50 0t50 0 50 0 50 0v32H0z" fill="hsl(${hue} 40% 74%)" fill-opacity=".7"/><path d="M0 182q25-8 50 0t50 0 50 0 50 0v18H0z" fill="hsl(38 52% 82%)"/>${MOTIFS[motif](palette(hue))}</svg>`;
}

/** The shop's mark: the animal on its rock. */
export const FAVICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="#0e5a67"/><path d="M8 46q24 8 48 0v10H8z" fill="#0a3f49"/><path d="M12 46L32 14l20 32q-20 8-40 0z" fill="#f4d9a8"/><path d="M32 14v36M32 14L22 48M32 14l10 34" stroke="#b98545" stroke-width="2.5"/></svg>`;
