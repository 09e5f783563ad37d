// Parameters of the command line that several programs take: text in, values out, or what commander says of them.

import { InvalidArgumentError } from "commander";

/** A whole number above 0. */
export function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It takes a whole number above 0.");
  return value;
}

/** Some of the names, with commas between them. */
export function someOf<Name extends string>(names: readonly Name[]): (text: string) => Name[] {
  return (text) =>
    text.split(",").map((name) => {
      const known = names.find((one) => one === name);
      if (known === undefined) throw new InvalidArgumentError(`It takes some of ${names.join(", ")}.`);
      return known;
    });
}
