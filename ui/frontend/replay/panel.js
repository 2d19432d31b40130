// Draws the panel beside the faces: the words, the legend, the chart, the slider and the buttons.

import { make, shape } from "../shared/dom.js";
import { FULL } from "./order.js";
import { readoutOf } from "./words.js";

/** @typedef {ReturnType<typeof layPanel>} Panel */

/** Half of the slider's thumb, which at either end stands over the end of the chart. */
const HALF_THUMB = 8;

export function layPanel() {
  const readout = make("div", { className: "readout" });
  const legend = make("div", { className: "legend" });
  const chart = shape("svg", { class: "chart", role: "img" });
  const slider = make("input", { type: "range", min: "0", max: String(FULL), step: "1", className: "slider" });
  slider.setAttribute("aria-label", "Replaced pixels");
  const play = make("button", { type: "button", className: "play", textContent: "Play" });
  const toggle = make("input", { type: "checkbox", checked: true });
  const outlines = make("label", { className: "toggle" }, toggle, "Outline the true patches");
  const present = make("button", { type: "button", className: "present", textContent: "Present" });
  const controls = make("div", { className: "controls" }, play, outlines, present);
  const box = make("div", { className: "box" }, chart);
  const element = make("div", { className: "panel" }, readout, legend, box, slider, controls);
  return { element, readout, legend, box, chart, slider, play, toggle, outlines, present };
}

/**
 * @param {Panel} panel
 * @param {import("./plot.js").Plot} plot
 * @param {number} scale how many CSS pixels a unit of the plot has
 */
export function alignSlider({ slider }, { left, right }, scale) {
  slider.style.marginLeft = `${left * scale - HALF_THUMB}px`;
  slider.style.width = `${(right - left) * scale + 2 * HALF_THUMB}px`;
}

/**
 * @param {Panel} panel
 * @param {ReplayData} data
 * @param {import("./state.js").State} state
 */
export function drawPanel({ readout, slider, play }, data, { position, playing }) {
  const { text, word } = readoutOf(position, data);
  readout.textContent = text;
  readout.dataset.decision = word;
  slider.value = String(position);
  slider.setAttribute("aria-valuetext", text);
  play.textContent = playing ? "Pause" : "Play";
}
