// Positions, and what is replaced there. A position runs from 0 to FULL, in per mille of replaced pixels.

export const FULL = 1000;

/**
 * How many pixels are replaced: whole pixels or whole cells, rounded half up; at a measured step what was scored.
 * @param {number} position
 * @param {{ size: number, units: number }} data
 */
export function replaced(position, { size, units }) {
  const whole = Math.floor((2 * units * position + FULL) / (2 * FULL));
  return whole * (size ** 2 / units);
}

/**
 * The last measured step at or before a position.
 * @param {number} position
 * @param {number} steps from nothing to everything replaced
 */
export function measured(position, steps) {
  return Math.floor((position * steps) / FULL);
}

/**
 * @param {number} step
 * @param {number} steps
 */
export function positionOf(step, steps) {
  return (step * FULL) / steps;
}

/**
 * @param {Curves} curves
 */
export function stepsOf(curves) {
  return curves.scores.length - 1;
}
