// The geometry of the chart, in CSS pixels from its upper left corner.

import { FULL } from "./order.js";

const MARGIN = { left: 52, right: 76, top: 12, bottom: 36 };
const NARROWEST = 280;
const LOWEST = 160;
const READ_NEARBY = 440;

/** @typedef {{ width: number, height: number }} Room */

/**
 * @typedef {object} Plot
 * @property {number} width
 * @property {number} height
 * @property {number} left
 * @property {number} right
 * @property {number} top
 * @property {number} bottom
 * @property {number} low the score at the bottom
 * @property {number} high
 * @property {(share: number) => number} x
 * @property {(score: number) => number} y
 */

/**
 * CSS pixels a unit of the plot: texts and lines of a high chart are drawn larger, as a room sees it from afar.
 * @param {number} height
 */
export function scaleOf(height) {
  return Math.max(1, height / READ_NEARBY);
}

/**
 * Holds every curve and the threshold, with some room above and below.
 * @param {Room} room
 * @param {Curves} curves
 * @param {number} threshold
 * @returns {Plot}
 */
export function plotOf(room, { scores, inverse, random, others }, threshold) {
  const further = others.flatMap((other) => other.scores);
  const all = [...scores, ...inverse, ...further, ...(random ? [...random.low, ...random.high] : []), threshold];
  const gap = (Math.max(...all) - Math.min(...all)) * 0.08 + 0.01;
  const low = Math.min(...all) - gap;
  const high = Math.max(...all) + gap;
  const width = Math.max(NARROWEST, room.width);
  const height = Math.max(LOWEST, room.height);
  const { left, top } = MARGIN;
  const right = width - MARGIN.right;
  const bottom = height - MARGIN.bottom;
  const x = (/** @type {number} */ share) => left + share * (right - left);
  const y = (/** @type {number} */ score) => bottom - ((score - low) / (high - low)) * (bottom - top);
  return { width, height, left, right, top, bottom, low, high, x, y };
}

/**
 * Round values between two, at most seven where they are less than 3 apart.
 * @param {number} low
 * @param {number} high
 */
export function ticks(low, high) {
  const step = [0.02, 0.05, 0.1, 0.2, 0.5].find((s) => (high - low) / s <= 6) ?? 1;
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(k * step);
  return found;
}

/**
 * @param {Plot} plot
 * @param {number[]} values at even shares from 0 to 1
 */
function pointsOf(plot, values) {
  return values.map((value, i) => `${plot.x(i / (values.length - 1))} ${plot.y(value)}`);
}

/**
 * @param {Plot} plot
 * @param {number[]} values
 */
export function linePath(plot, values) {
  return `M${pointsOf(plot, values).join("L")}`;
}

/**
 * @param {Plot} plot
 * @param {{ low: number[], high: number[] }} band
 */
export function bandPath(plot, { low, high }) {
  return `${linePath(plot, high)}L${pointsOf(plot, low).reverse().join("L")}Z`;
}

/**
 * The position under a place of the chart, which may lie beyond the ends.
 * @param {Plot} plot
 * @param {number} x
 */
export function positionAt(plot, x) {
  return (FULL * (x - plot.left)) / (plot.right - plot.left);
}

/**
 * Where words beside a point of the chart stay inside it.
 * @param {Plot} plot
 * @param {Point} point
 */
export function labelAt(plot, { x, y }) {
  const isRight = x > (plot.left + plot.right) / 2;
  const above = y - 10;
  return { x: isRight ? x - 10 : x + 10, y: above > plot.top + 10 ? above : y + 20, "text-anchor": isRight ? "end" : "start" };
}
