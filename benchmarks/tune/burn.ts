// Work that takes a given time of a processor, and not of the clock on the wall: a thread that must share its core with others has as
// much to do as one that has it to itself.

/** So much of the processor is used to find out how fast it is, in ms. */
const CALIBRATION_MS = 200;
const STEP = 100_000;

/** Does so many steps of arithmetic; returns something that depends on each, so that none can be left out. */
export function burn(steps: number): number {
  let word = 1;
  for (let n = 0; n < steps; n++) word = Math.imul(word ^ (word >>> 15), 0x2c1b_3c6d) + n;
  return word;
}

/** How many steps a millisecond of processor time has. Measured by this process's own processor time; runs for some 0.4 s. */
export function stepsPerMs(): number {
  // Compiled first.
  stepsWithin(CALIBRATION_MS / 2);
  return Math.round(stepsWithin(CALIBRATION_MS) / CALIBRATION_MS);
}

function stepsWithin(ms: number): number {
  const before = process.cpuUsage();
  let steps = 0;
  let usedMs = 0;
  while (usedMs < ms) {
    burn(STEP);
    steps += STEP;
    const { user, system } = process.cpuUsage(before);
    usedMs = (user + system) / 1000;
  }
  return (steps * ms) / usedMs;
}
