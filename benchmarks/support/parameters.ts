// Parameters of the command line that several programs take: text in, values out, or what commander says of them.

import { InvalidArgumentError } from "commander";
import { MAX_WORKERS } from "../../core/memory/load-board.js";
import { type OptionKind, wholeNumber } from "../../core/options/option-kinds.js";

/** Timers of Node take 2^31 - 1 ms; a longer one would be over at once. With a day left for what is added: arrivals, warm-ups, the end. */
const MAX_SECONDS = 2_000_000;

/** A whole number above 0. */
export function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It takes a whole number above 0.");
  return value;
}

/** What a farm's options of this kind take. */
export function ofKind<Value>({ read, accepts, takes }: OptionKind<Value>): (text: string) => Value {
  return (text) => {
    const value = read(text);
    if (!accepts(value)) throw new InvalidArgumentError(`It takes ${takes}.`);
    return value;
  };
}

/** Several of them, with commas between them. */
export function severalOfKind<Value>(kind: OptionKind<Value>): (text: string) => Value[] {
  const one = ofKind(kind);
  return (text) => text.split(",").map((part) => one(part));
}

/** A whole number from 1 to `max`. */
export function countUpTo(max: number): (text: string) => number {
  return ofKind(wholeNumber(1, max));
}

/** Of the clock on the wall, at least one. */
export const seconds = countUpTo(MAX_SECONDS);

export const secondsOrNone = ofKind(wholeNumber(0, MAX_SECONDS));

/** A file's or folder's. Node takes an empty one for the working directory, or for what is in it. */
export function path(text: string): string {
  if (text === "") throw new InvalidArgumentError("It takes a path.");
  return text;
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
