// Draws the legend of the chart.

import { make, shape } from "../shared/dom.js";

/**
 * The names of what is drawn, each with the class of its line.
 * @param {ReplayData} data
 */
export function entriesOf({ title, texts, curves: { random } }) {
  const entries = [["curve method", title], ["curve inverse", "inverse order"]];
  if (random) entries.push(["curve random", `random, mean and range of ${random.permutations}`]);
  return [...entries, ["threshold", `threshold ${texts.threshold}`]];
}

/**
 * @param {HTMLElement} legend
 * @param {ReplayData} data
 */
export function drawLegend(legend, data) {
  legend.replaceChildren(...entriesOf(data).map(([line, text]) => {
    const sample = shape("line", { class: line, x1: 1, x2: 27, y1: 4, y2: 4 });
    return make("span", {}, shape("svg", { viewBox: "0 0 28 8", "aria-hidden": "true" }, sample), text);
  }));
}
