// What a threshold means, before it is taken.

import { below, rateText } from "./rates.js";

/** Of scores, thresholds and margins; more where two that differ would look the same, at most as many as there are. */
const DIGITS = 4, MOST_DIGITS = 17;

/**
 * A threshold as it would be taken: the known one that looks the same, else the number itself.
 * @param {number} shown
 * @param {ThresholdData} data
 */
export function meant(shown, { known }) {
  return known.find((value) => value.toFixed(DIGITS) === shown.toFixed(DIGITS)) ?? shown;
}

/**
 * The decision with its margin where there is a score, and the error rates where they are known.
 * @param {number} shown
 * @param {ThresholdData} data
 * @param {{ genuine: Float64Array, impostor: Float64Array } | null} scores
 */
export function wordsOf(shown, data, scores) {
  const threshold = meant(shown, data);
  const decision = data.score === null ? null : data.score >= threshold ? "match" : "non-match";
  const lines = [];
  if (data.score !== null) lines.push(`margin ${marginOf(data.score, threshold)}`);
  if (scores) {
    const { genuine, impostor } = scores;
    lines.push(`FMR ${rateText(impostor.length - below(impostor, threshold), impostor.length)}`);
    lines.push(`FNMR ${rateText(below(genuine, threshold), genuine.length)}`);
  }
  return { number: shown.toFixed(DIGITS), decision, lines };
}

/**
 * The difference of the two as they are shown, digit by digit.
 * @param {number} score
 * @param {number} threshold
 */
function marginOf(score, threshold) {
  let digits = DIGITS;
  while (score !== threshold && score.toFixed(digits) === threshold.toFixed(digits) && digits < MOST_DIGITS) digits++;
  const margin = Number(score.toFixed(digits)) - Number(threshold.toFixed(digits));
  const text = Math.abs(margin).toFixed(digits);
  return `${margin < 0 && Number(text) ? "-" : "+"}${text}`;
}
