// Shows data in the faces and the panel, and draws there where the replay stands.

import { drawChart, drawMarker } from "./chart.js";
import { drawFaces, showFaces } from "./faces.js";
import { drawLegend } from "./legend.js";
import { FULL, replaced } from "./order.js";
import { alignSlider, drawPanel } from "./panel.js";
import { positionAt, scaleOf } from "./plot.js";

/** @typedef {import("./state.js").State} State */

/** What there is to draw of the data as they are now. */
export class Scene {
  scale = 1;

  /**
   * @param {import("./faces.js").Faces} faces
   * @param {import("./panel.js").Panel} panel
   * @param {ReplayData} data
   */
  constructor(faces, panel, data) {
    this.faces = faces;
    this.panel = panel;
    this.data = data;
    this.pixels = showFaces(faces, data);
    panel.outlines.style.display = data.outline ? "" : "none";
    drawLegend(panel.legend, data);
    this.chart = this.layChart();
  }

  layChart() {
    const { chart, box } = this.panel;
    this.scale = scaleOf(box.clientHeight);
    const made = drawChart(chart, this.data, { width: box.clientWidth / this.scale, height: box.clientHeight / this.scale });
    alignSlider(this.panel, made.plot, this.scale);
    return made;
  }

  /**
   * The position under an offset from the left of the chart, in CSS pixels.
   * @param {number} x
   */
  positionAt(x) {
    return positionAt(this.chart.plot, x / this.scale);
  }

  /** @param {State} state */
  draw(state) {
    drawFaces(this.faces, this.pixels, replaced(state.position, this.data), state.position / FULL);
    this.drawPosition(state);
  }

  /** @param {State} state */
  drawPosition(state) {
    drawPanel(this.panel, this.data, state);
    drawMarker(this.chart, this.data.curves, state.position);
  }

  /**
   * At another size.
   * @param {State} state
   */
  resize(state) {
    this.chart = this.layChart();
    this.drawPosition(state);
  }
}
