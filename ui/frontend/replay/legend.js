// Draws the legend of the chart.

import { make, shape } from "../shared/dom.js";
import { styleOf } from "./chart.js";

/** @typedef {{ text: string, line: Record<string, string> }} Entry what is drawn, and the attributes of its line */

/**
 * @param {ReplayData} data
 * @returns {Entry[]}
 */
export function entriesOf({ title, texts, curves: { random, others } }) {
  const entries = [
    { text: title, line: { class: "curve method" } },
    ...others.map((other) => ({ text: other.title, line: { class: "curve other", ...styleOf(other) } })),
    { text: others.length ? `inverse of ${title}` : "inverse order", line: { class: "curve inverse" } },
  ];
  if (random) entries.push({ text: `random, mean and range of ${random.permutations}`, line: { class: "curve random" } });
  return [...entries, { text: `threshold ${texts.threshold}`, line: { class: "threshold" } }];
}

/**
 * @param {HTMLElement} legend
 * @param {ReplayData} data
 */
export function drawLegend(legend, data) {
  legend.replaceChildren(...entriesOf(data).map(({ line, text }) => {
    const sample = shape("line", { ...line, x1: 1, x2: 27, y1: 4, y2: 4 });
    return make("span", {}, shape("svg", { viewBox: "0 0 28 8", "aria-hidden": "true" }, sample), text);
  }));
}
