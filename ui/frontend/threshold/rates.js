// Error rates of known pairs at a threshold, said as metrics.py says them.

/** The normal quantile of a 95 % interval. */
const Z = 1.959963984540054;

/**
 * How many of the ascending scores lie below a threshold.
 * @param {Float64Array} scores
 * @param {number} threshold
 */
export function below(scores, threshold) {
  let low = 0, high = scores.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (scores[middle] < threshold) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The 95 % interval of a rate (Wilson, 1927).
 * @param {number} errors
 * @param {number} trials
 * @returns {[number, number]}
 */
export function wilson(errors, trials) {
  const rate = errors / trials, more = (Z * Z) / trials;
  const middle = (rate + more / 2) / (1 + more);
  const half = (Z * Math.sqrt((rate * (1 - rate)) / trials + more / trials / 4)) / (1 + more);
  return [errors === 0 ? 0 : middle - half, errors === trials ? 1 : middle + half];
}

/**
 * A share in percent; one that is neither 0 nor 1 is never shown as 0 % or 100 %.
 * @param {number} share
 */
export function percent(share) {
  const value = 100 * share;
  if (value > 0 && value < 0.005) return "under 0.01\u00a0%";
  if (value > 99.995 && value < 100) return "over 99.99\u00a0%";
  return `${value.toFixed(2)}\u00a0%`;
}

/**
 * @param {number} errors
 * @param {number} trials
 */
export function rateText(errors, trials) {
  const [low, high] = wilson(errors, trials).map(percent);
  const ends = errors === 0 ? `up to ${high}` : errors === trials ? `from ${low}` : `${low} to ${high}`;
  const counts = `${errors.toLocaleString("en")} of ${trials.toLocaleString("en")}`;
  return `${percent(errors / trials)} (95\u00a0% interval ${ends}; ${counts})`;
}
