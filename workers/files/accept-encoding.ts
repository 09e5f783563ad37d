// Which coding of a representation a client gets (RFC 9110 section 12.5.3). Knows the field, not what is encoded.

/** The codings that there are, the better one first: it is taken where a client likes both equally well. */
const CODINGS = ["br", "gzip"] as const;
export type Coding = (typeof CODINGS)[number];

/** weight (RFC 9110 section 12.4.2) */
const WEIGHT = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i;

/**
 * The coding to use, or null for none: where the client has not asked for any, or likes it best as it is. A client that forbids
 * everything gets it as it is, too: refusing would help nobody.
 */
export function chooseCoding(acceptEncoding: string | null): Coding | null {
  if (acceptEncoding === null) return null;
  const weights = weightsOf(acceptEncoding);
  let best: Coding | null = null;
  let bestWeight = weights.get("identity") ?? 0;
  for (const coding of CODINGS) {
    const weight = weights.get(coding) ?? weights.get("*") ?? 0;
    if (weight === 0 || weight < bestWeight || (weight === bestWeight && best !== null)) continue;
    best = coding;
    bestWeight = weight;
  }
  return best;
}

/** By coding in lower case. What is not a coding with a weight is passed over; the last of several counts. */
function weightsOf(field: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const member of field.split(",")) {
    const [name = "", weight, ...rest] = member.split(";").map((part) => part.trim());
    const value = weight === undefined ? "1" : WEIGHT.exec(weight)?.[1];
    if (value === undefined || rest.length > 0) continue;
    const coding = name.toLowerCase();
    // An old name, which is to be taken for the other (RFC 9110 section 8.4.1.3).
    weights.set(coding === "x-gzip" ? "gzip" : coding, Number(value));
  }
  return weights;
}
