// The shop's pictures that show no product: its mark, the shore at the top of the catalogue, and the shell that nobody
// lives in. Drawn once, from fixed numbers; nothing is loaded from anywhere.

/** The shop's mark: the animal on its rock. */
export const FAVICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="#0e5a67"/><path d="M8 46q24 8 48 0v10H8z" fill="#072f37"/><path d="M12 46L32 14l20 32q-20 8-40 0z" fill="#f4d9a8"/><path d="M32 14v36M32 14L22 48M32 14l10 34" stroke="#b98545" stroke-width="2.5"/></svg>`;

/** A limpet whose foot is at (x, y), `size` wide. */
function limpet(x: number, y: number, size: number, shell: string, ribs: string): string {
  return `<g transform="translate(${x} ${y}) scale(${size / 40})"><path d="M-20 0Q-14-20-2-24 14-18 20 0 0 7-20 0z" fill="${shell}"/><path d="M-2-24L-11 2M-2-24L-1 4M-2-24L10 2" stroke="${ribs}" stroke-width="1.8" fill="none"/></g>`;
}

function waves(y: number, step: number, height: number, colour: string): string {
  const half = step / 2;
  const crests = Math.ceil(1440 / step) + 1;
  const line = Array.from({ length: crests }, () => `q${half / 2}-${height} ${half} 0t${half} 0`).join("");
  return `<path d="M0 ${y}${line}V320H0z" fill="${colour}"/>`;
}

/** For a band of any width, at its foot: 1440 by 320. */
export const SHORE = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1440 320"><circle cx="1130" cy="112" r="62" fill="#f4d9a8"/><circle cx="1130" cy="112" r="92" fill="#f4d9a8" fill-opacity=".13"/>${waves(150, 360, 13, "#0f5462")}${waves(186, 288, 15, "#15697a")}${waves(222, 240, 15, "#1d8193")}<path d="M0 244q60-44 130-34 66 8 104 48 74-16 130 18 50-2 84 44H0z" fill="#2c3d45"/><path d="M0 262q70-34 128-20 60 14 86 44 76-10 120 34H0z" fill="#3a4f57"/><path d="M1440 214q-70-20-130 14-54 6-88 46-70-2-118 46h336z" fill="#2c3d45"/><path d="M1440 246q-64-10-112 24-66 4-104 50h216z" fill="#3a4f57"/>${limpet(96, 222, 44, "#e7cf9f", "#a9793d")}${limpet(150, 238, 30, "#d8b98a", "#97693a")}${limpet(292, 276, 34, "#e7cf9f", "#a9793d")}${limpet(1320, 240, 46, "#e7cf9f", "#a9793d")}${limpet(1386, 226, 30, "#d8b98a", "#97693a")}${limpet(1232, 290, 32, "#d8b98a", "#97693a")}<path d="M560 320q90-34 190-20t170-4q90-10 150 24z" fill="#e3c996"/><g transform="translate(700 290)" fill="#d9764a"><path d="M-6-3Q-4-22 0-26 4-22 6-3z"/><path d="M-6-3Q-4-22 0-26 4-22 6-3z" transform="rotate(72)"/><path d="M-6-3Q-4-22 0-26 4-22 6-3z" transform="rotate(144)"/><path d="M-6-3Q-4-22 0-26 4-22 6-3z" transform="rotate(216)"/><path d="M-6-3Q-4-22 0-26 4-22 6-3z" transform="rotate(288)"/><circle r="8"/></g><path d="M860 302q-16-6-16-18 4-12 18-12t18 12q0 12-20 18z" fill="#e8a08c"/><path d="M861 304l-8-26M861 304v-28M861 304l9-26" stroke="#b5604a" stroke-width="1.6"/><g fill="none" stroke="#fff" stroke-opacity=".75" stroke-width="3" stroke-linecap="round"><path d="M1236 84q11-13 22 0 11-13 22 0M1304 52q8-10 17 0 8-10 17 0M1222 36q7-8 14 0 7-8 14 0"/></g></svg>`;

export const EMPTY_SHELL = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200"><rect width="200" height="200" fill="#cfe4e4"/><path d="M0 134q25-9 50 0t50 0 50 0 50 0v66H0z" fill="#8fc0c5"/><path d="M0 154q50-20 100-8t100-2v56H0z" fill="#e7d3a6"/><g transform="rotate(-14 100 130)">${limpet(100, 146, 92, "#f6ead0", "#b98545")}</g><path d="M52 164q6 6 14 0M138 170q6 6 14 0M96 182q5 5 11 0" stroke="#bfa267" stroke-width="3" fill="none" stroke-linecap="round"/></svg>`;
