// Draws the chart: the curves, the threshold, where the decision flips, and the position.

import { shape } from "../shared/dom.js";
import { FULL, measured, stepsOf } from "./order.js";
import { bandPath, labelAt, linePath, plotOf, ticks } from "./plot.js";
import { percent } from "./words.js";

/** @typedef {import("./plot.js").Plot} Plot */
/** @typedef {{ plot: Plot, marker: SVGLineElement, dot: SVGCircleElement }} Chart */

/**
 * @param {SVGSVGElement} svg
 * @param {ReplayData} data
 * @param {import("./plot.js").Room} room
 * @returns {Chart}
 */
export function drawChart(svg, data, room) {
  const plot = plotOf(room, data.curves, data.threshold);
  const marker = shape("line", { class: "marker", y1: plot.top, y2: plot.bottom });
  const dot = shape("circle", { class: "dot", r: 4 });
  svg.setAttribute("viewBox", `0 0 ${plot.width} ${plot.height}`);
  svg.setAttribute("aria-label", data.summary);
  svg.replaceChildren(
    ...axes(plot), ...curves(plot, data.curves), ...threshold(plot, data.threshold), marker, ...flip(plot, data), dot,
  );
  return { plot, marker, dot };
}

/**
 * @param {Chart} chart
 * @param {Curves} curves
 * @param {number} position
 */
export function drawMarker({ plot, marker, dot }, curves, position) {
  const steps = stepsOf(curves);
  const step = measured(position, steps);
  const x = String(plot.x(position / FULL));
  marker.setAttribute("x1", x);
  marker.setAttribute("x2", x);
  dot.setAttribute("cx", String(plot.x(step / steps)));
  dot.setAttribute("cy", String(plot.y(curves.scores[step])));
}

/** @param {Plot} plot */
function axes({ left, right, bottom, low, high, x, y }) {
  const rows = ticks(low, high).flatMap((value) => [
    shape("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }),
    shape("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(2)),
  ]);
  const shares = [0, 0.2, 0.4, 0.6, 0.8, 1].map((share) =>
    shape("text", { x: x(share), y: bottom + 16, "text-anchor": "middle" }, percent(share)),
  );
  return [...rows, ...shares, shape("text", { x: x(0.5), y: bottom + 31, "text-anchor": "middle" }, "replaced pixels")];
}

/**
 * @param {Plot} plot
 * @param {Curves} curves
 */
function curves(plot, { scores, inverse, random, others }) {
  const band = random ? [
    shape("path", { class: "band", d: bandPath(plot, random) }),
    shape("path", { class: "curve random", d: linePath(plot, random.mean) }),
  ] : [];
  return [
    ...band,
    shape("path", { class: "curve inverse", d: linePath(plot, inverse) }),
    ...others.map((other) => shape("path", { class: "curve other", d: linePath(plot, other.scores), ...styleOf(other) })),
    shape("path", { class: "curve method", d: linePath(plot, scores) }),
  ];
}

/** @param {OtherLine} other */
export function styleOf({ colour, dashes }) {
  return { stroke: colour, "stroke-dasharray": dashes };
}

/**
 * @param {Plot} plot
 * @param {number} score
 */
function threshold({ left, right, y }, score) {
  return [
    shape("line", { class: "threshold", x1: left, x2: right, y1: y(score), y2: y(score) }),
    shape("text", { x: right + 4, y: y(score) - 5 }, "match"),
    shape("text", { x: right + 4, y: y(score) + 14 }, "non-match"),
  ];
}

/**
 * @param {Plot} plot
 * @param {ReplayData} data
 */
function flip(plot, { flip: step, curves }) {
  const others = curves.others.flatMap(({ flip, scores, colour }) => flip === null ? [] : [
    shape("circle", { class: "flip", r: 4, cx: plot.x(flip / stepsOf(curves)), cy: plot.y(scores[flip]), style: `stroke: ${colour}` }),
  ]);
  if (step === null) return others;
  const share = step / stepsOf(curves);
  const point = { x: plot.x(share), y: plot.y(curves.scores[step]) };
  return [
    ...others,
    shape("circle", { class: "flip", r: 6, cx: point.x, cy: point.y }),
    shape("text", { class: "flip-label", ...labelAt(plot, point) }, `flips at ${percent(share)}`),
  ];
}
