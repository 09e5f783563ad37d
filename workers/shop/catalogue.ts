// What the shop has when its database is new. From then on the database is the truth.

import type { Motif } from "./illustration.js";

/** A product as the database has it. */
export interface Product {
  /** Part of the URL. */
  readonly id: string;
  readonly name: string;
  readonly category: Category;
  readonly pricePence: number;
  readonly stock: number;
  readonly description: string;
}

export const CATEGORIES = ["tools", "books", "home", "wear"] as const;
export type Category = (typeof CATEGORIES)[number];

export const CATEGORY_NAMES: Record<Category, string> = {
  tools: "For the shore",
  books: "Books & maps",
  home: "For the house",
  wear: "To wear",
};

export interface SeedProduct extends Product {
  /** What its picture shows. */
  readonly motif: Motif;
  /** Hue of its picture, in degrees. */
  readonly hue: number;
}

function product(
  id: string,
  name: string,
  category: Category,
  pricePence: number,
  stock: number,
  motif: Motif,
  hue: number,
  description: string,
): SeedProduct {
  return { id, name, category, pricePence, stock, motif, hue, description };
}

export const SEED_PRODUCTS: readonly SeedProduct[] = [
  product(
    "limpet-lens",
    "Limpet lens",
    "tools",
    1450,
    40,
    "lens",
    195,
    "Ten-fold loupe on a braided cord. Salt does it no harm, and it floats if you drop it.",
  ),
  product(
    "rock-pool-bucket",
    "Rock pool bucket",
    "tools",
    950,
    60,
    "bucket",
    12,
    "Clear-bottomed, with a spout and a scale inside the rim. Look, count, and pour them back.",
  ),
  product(
    "shrimp-net",
    "Shrimping net",
    "tools",
    1800,
    25,
    "net",
    28,
    "Beech handle, soft knotless mesh. The bow folds flat, so it fits behind the driver's seat.",
  ),
  product(
    "tide-clock",
    "Tide clock",
    "tools",
    3900,
    12,
    "clock",
    215,
    "One hand, one turn in twelve hours and twenty-five minutes. Set it once at high water.",
  ),
  product(
    "kelp-knife",
    "Kelp knife",
    "tools",
    2600,
    18,
    "knife",
    150,
    "Blunt tip, serrated edge, a loop for the wrist. For foragers who take one frond in three.",
  ),
  product(
    "field-notebook",
    "Waterproof notebook",
    "tools",
    1100,
    80,
    "book",
    44,
    "Stone paper, pencil in the spine. Ninety-six pages that can be written on under water.",
  ),
  product(
    "shore-guide",
    "The Shore Between the Tides",
    "books",
    2200,
    35,
    "book",
    205,
    "Every animal and weed that you will meet from the splash zone down, drawn from life.",
  ),
  product(
    "barnacle-atlas",
    "An Atlas of Barnacles",
    "books",
    3400,
    9,
    "book",
    275,
    "Darwin spent eight years on them. Two hundred plates show why.",
  ),
  product(
    "tide-tables",
    "Tide tables",
    "books",
    650,
    120,
    "tables",
    190,
    "A year of high and low water for fourteen harbours, pocket-sized and hole-punched.",
  ),
  product(
    "coast-map",
    "Map of the ragged coast",
    "books",
    1600,
    30,
    "chart",
    140,
    "Sheet map at 1:25,000, every ledge and landing place. Folds itself the right way.",
  ),
  product(
    "shell-poems",
    "Poems for a Shell",
    "books",
    1250,
    22,
    "shell",
    330,
    "Forty poems to be read aloud into the wind, letterpress, sewn, in a slipcase.",
  ),
  product(
    "knot-book",
    "Forty Useful Knots",
    "books",
    1400,
    26,
    "rope",
    30,
    "And the three that you will actually tie. With a metre of cord in the back cover.",
  ),
  product(
    "limpet-mug",
    "Limpet mug",
    "home",
    1650,
    48,
    "mug",
    174,
    "A cone, upside down, that will not tip. Glazed inside in the grey of a wet ledge.",
  ),
  product(
    "anemone-lamp",
    "Anemone lamp",
    "home",
    7800,
    6,
    "lamp",
    345,
    "Blown glass and forty strands of light, which draw in when you touch the base.",
  ),
  product(
    "driftwood-hooks",
    "Driftwood coat hooks",
    "home",
    2900,
    15,
    "hooks",
    24,
    "Three hooks on one piece of the sea's own timber. No two are alike; yours is a surprise.",
  ),
  product(
    "starfish-tiles",
    "Starfish tiles",
    "home",
    2400,
    32,
    "tiles",
    190,
    "Set of four, hand-pressed. They take heat, and a wall looks well in them.",
  ),
  product(
    "sea-salt",
    "Slow sea salt",
    "home",
    720,
    90,
    "jar",
    200,
    "Sun, wind and a shallow pan, in that order. Flakes that you can hear.",
  ),
  product(
    "shell-bowl",
    "Scallop bowl",
    "home",
    2100,
    20,
    "shell",
    22,
    "Porcelain thin enough to let the morning through. Holds keys, soap or one good peach.",
  ),
  product(
    "harbour-candle",
    "Harbour candle",
    "home",
    1300,
    44,
    "candle",
    255,
    "Tar, rope and a little rain. Forty hours of standing on the quay.",
  ),
  product(
    "oilskin-hat",
    "Oilskin hat",
    "wear",
    3200,
    28,
    "hat",
    50,
    "The brim is longer behind, for reasons that the first shower explains.",
  ),
  product(
    "tide-boots",
    "Tide boots",
    "wear",
    5400,
    24,
    "boots",
    165,
    "Knee-high, felt-soled, with a grip learned from the animal that we are named after.",
  ),
  product(
    "fisher-jumper",
    "Fisherman's jumper",
    "wear",
    8900,
    14,
    "jumper",
    220,
    "Worsted, knitted in the round, with the pattern of this harbour on its chest.",
  ),
  product(
    "wool-socks",
    "Ledge socks",
    "wear",
    1500,
    70,
    "socks",
    12,
    "Thick where rocks are hard, thin where boots are tight. A pair and one spare.",
  ),
  product(
    "star-brooch",
    "Brittle star brooch",
    "wear",
    4600,
    11,
    "brooch",
    230,
    "Blue enamel on silver, five arms, cast from one that the winter left on the sand.",
  ),
];
