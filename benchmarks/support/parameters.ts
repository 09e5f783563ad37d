// Parameters of the command line that several programs take: text in, values out, or what commander says of them.

import { InvalidArgumentError } from "commander";
import { MAX_WORKERS } from "../../core/memory/load-board.js";

/** A whole number above 0. */
export function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It takes a whole number above 0.");
  return value;
}

/** A whole number from 1 to `max`. */
export function countUpTo(max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 1 || value > max)
      throw new InvalidArgumentError(`It takes a whole number from 1 to ${max}.`);
    return value;
  };
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

export function counts(text: string): number[] {
  return text.split(",").map(count);
}

export function countOrNone(text: string): number {
  return text === "0" ? 0 : count(text);
}

export function countsOrNone(text: string): number[] {
  return text.split(",").map(countOrNone);
}

export function percents(text: string): number[] {
  return text.split(",").map((part) => {
    if (!/^\d{1,2}(\.\d{1,6})?$/.test(part)) throw new InvalidArgumentError("It takes numbers from 0 to 99.");
    return Number(part);
  });
}

/** Sizes of simulated farms. */
export function farmSizes(from: number): (text: string) => number[] {
  return (text) => {
    const sizes = counts(text);
    if (sizes.some((size) => size < from || size > MAX_WORKERS))
      throw new InvalidArgumentError(`It takes whole numbers from ${from} to ${MAX_WORKERS}.`);
    return sizes;
  };
}
