// What the replay says of a position.

import { FULL, measured, positionOf, replaced, stepsOf } from "./order.js";

/** @param {number} share */
export function percent(share) {
  return `${Number((100 * share).toFixed(1))}\u00a0%`;
}

/**
 * @param {number} score
 * @param {number} threshold
 */
export function decision(score, threshold) {
  return score >= threshold ? "match" : "non-match";
}

/**
 * The score at a position is that of the last measured step, which is named where it lies before.
 * @param {number} position
 * @param {Pick<ReplayData, "size" | "units" | "threshold" | "texts" | "curves">} data
 */
export function readoutOf(position, data) {
  const steps = stepsOf(data.curves);
  const step = measured(position, steps);
  const score = data.curves.scores[step];
  const where = positionOf(step, steps) === position ? "" : ` at ${percent(step / steps)}`;
  const word = decision(score, data.threshold);
  const text =
    `${percent(position / FULL)} replaced (${replaced(position, data).toLocaleString("en")} pixels) · ` +
    `score${where} ${data.texts.scores[step]} · ${word}`;
  return { text, word };
}
