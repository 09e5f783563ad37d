// The algorithms that a stack may be told to control congestion with, by name.

import type { CongestionControl } from "./congestion-control.js";
import { Cubic } from "./cubic.js";
import { NewReno } from "./new-reno.js";

export type CongestionName = "new-reno" | "cubic";

export const CONGESTION_ALGORITHMS: { readonly [Name in CongestionName]: () => CongestionControl } = {
  "new-reno": () => new NewReno(),
  cubic: () => new Cubic(),
};
