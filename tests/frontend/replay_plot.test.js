// The geometry of the chart, and what its legend names.

import assert from "node:assert/strict";
import { test } from "node:test";

import { entriesOf } from "../../ui/frontend/replay/legend.js";
import { bandPath, labelAt, linePath, plotOf, positionAt, scaleOf, ticks } from "../../ui/frontend/replay/plot.js";

const CURVES = { scores: [0.9, 0.4, 0.1], inverse: [0.9, 0.8, 0.1], random: null, others: [] };
const RANDOM = { mean: [0.9, 0.5, 0.1], low: [0.9, -0.2, 0.1], high: [0.9, 0.95, 0.1], permutations: 20 };
const OTHER = { title: "Other", scores: [0.9, 0.99, -0.3], flip: 1, colour: "#009E73", dashes: "12 4" };
const ROOM = { width: 628, height: 300 };
const PLOT = plotOf(ROOM, CURVES, 0.3); // 500 wide inside its margins

/** Numbers of a path, as points. */
function pointsOf(path) {
  return [...path.matchAll(/([ML])(\S+) ([^LZ]+)/g)].map(([, kind, x, y]) => [kind, Number(x), Number(y)]);
}

test("everything drawn lies inside, the threshold included", () => {
  for (const [curves, threshold] of [[CURVES, 0.3], [CURVES, -0.4], [{ ...CURVES, random: RANDOM }, 0.3], [{ ...CURVES, others: [OTHER] }, 0.3]]) {
    const { top, bottom, y } = plotOf(ROOM, curves, threshold);
    const drawn = [...curves.scores, ...curves.inverse, threshold, ...(curves.random ? [-0.2, 0.95] : []),
      ...curves.others.flatMap((other) => other.scores)];
    assert.ok(drawn.every((score) => top < y(score) && y(score) < bottom));
  }
});

test("equal scores have room too", () => {
  const flat = { scores: [0.5, 0.5], inverse: [0.5, 0.5], random: null, others: [] };
  const { y, top, bottom } = plotOf(ROOM, flat, 0.5);
  assert.equal(y(0.5), (top + bottom) / 2);
});

test("the chart is as large as there is room, and no smaller than can be read", () => {
  assert.deepEqual([PLOT.width, PLOT.height], [628, 300]);
  const { width, height } = plotOf({ width: 100, height: 20 }, CURVES, 0.3);
  assert.deepEqual([width, height], [280, 160]);
});

test("what is read nearby has its size, what fills a screen is drawn larger", () => {
  assert.equal(scaleOf(300), 1);
  assert.equal(scaleOf(880), 2);
});

test("a curve runs from end to end, its points evenly apart", () => {
  const points = pointsOf(linePath(PLOT, CURVES.scores));
  assert.deepEqual(points.map(([kind, x]) => [kind, x]), [["M", PLOT.left], ["L", PLOT.left + 250], ["L", PLOT.right]]);
  assert.deepEqual(points.map(([, , y]) => y), CURVES.scores.map(PLOT.y));
});

test("the band goes along its upper edge and back along the lower one", () => {
  const path = bandPath(PLOT, RANDOM);
  assert.ok(path.endsWith("Z"));
  const [left, middle, right] = [PLOT.left, PLOT.left + 250, PLOT.right];
  assert.deepEqual(pointsOf(path).map(([, x]) => x), [left, middle, right, right, middle, left]);
  assert.deepEqual(pointsOf(path).map(([, , y]) => y), [...RANDOM.high, ...[...RANDOM.low].reverse()].map(PLOT.y));
});

test("a place on the chart is the position drawn there", () => {
  for (const position of [0, 125, 500, 1000]) assert.equal(positionAt(PLOT, PLOT.x(position / 1000)), position);
});

test("ticks are round, inside, and at most seven", () => {
  const near = (found, expected) => found.forEach((tick, i) => assert.ok(Math.abs(tick - expected[i]) < 1e-12));
  const cases = [
    [[0.31, 0.42], [0.32, 0.34, 0.36, 0.38, 0.4, 0.42]],
    [[-0.05, 0.5], [0, 0.1, 0.2, 0.3, 0.4, 0.5]],
    [[-1, 1], [-1, -0.5, 0, 0.5, 1]],
  ];
  for (const [range, expected] of cases) {
    assert.equal(ticks(...range).length, expected.length);
    near(ticks(...range), expected);
  }
  for (let width = 0.02; width < 3; width += 0.01) assert.ok(ticks(-0.237, -0.237 + width).length <= 7);
});

test("a label keeps inside the chart at either side and at the top", () => {
  assert.deepEqual(labelAt(PLOT, { x: 100, y: 150 }), { x: 110, y: 140, "text-anchor": "start" });
  assert.deepEqual(labelAt(PLOT, { x: 500, y: 150 }), { x: 490, y: 140, "text-anchor": "end" });
  assert.equal(labelAt(PLOT, { x: 100, y: 30 }).y, 50);
});

test("the legend names each curve that is drawn, and the threshold", () => {
  const data = { title: "xSSAB", texts: { threshold: "0.3000" }, curves: CURVES };
  assert.deepEqual(entriesOf(data).map(({ text }) => text), ["xSSAB", "inverse order", "threshold 0.3000"]);
  const all = entriesOf({ ...data, curves: { ...CURVES, random: RANDOM, others: [OTHER] } });
  assert.deepEqual(all.map(({ text }) => text), [
    "xSSAB", "Other", "inverse of xSSAB", "random, mean and range of 20", "threshold 0.3000",
  ]);
  assert.deepEqual(all[1].line, { class: "curve other", stroke: "#009E73", "stroke-dasharray": "12 4" });
});
