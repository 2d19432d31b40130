// Stacks the colour layer over the crop and reads values under the pointer. Colours are made in Python.

import { makeTile, placeCross, readerOf } from "./map_viewer/tile.js";
import { make, picture, rootOf } from "./shared/dom.js";
import { arrowMove, clamp, pointedAt } from "./shared/pointing.js";

/** How many pixels of the crop an arrow key moves with Shift. */
const FAR = 8;
const HINT = "Point at a map, or focus it and use the arrow keys, to read values.";

/**
 * Calls `read` with the pixel that the pointer or the keys lead to, and `leave` when they leave.
 * @param {HTMLElement} box
 * @param {number} size
 * @param {(at: Point) => void} read
 * @param {() => void} leave
 */
function followPixels(box, size, read, leave) {
  const at = { x: Math.floor(size / 2), y: Math.floor(size / 2) };
  const go = (/** @type {Point} */ { x, y }) => {
    at.x = clamp(x, 0, size - 1);
    at.y = clamp(y, 0, size - 1);
    read(at);
  };
  box.onpointermove = (event) => {
    const { x, y } = pointedAt(event, box);
    go({ x: Math.floor(x * size), y: Math.floor(y * size) });
  };
  box.onpointerleave = leave;
  box.onblur = leave;
  box.onkeydown = (event) => {
    const move = arrowMove(event, FAR);
    if (!move) return;
    event.preventDefault();
    go({ x: at.x + move.x, y: at.y + move.y });
  };
}

/** @param {Component<ViewerData>} component */
export default function ({ data, parentElement }) {
  /** @type {ReturnType<typeof makeTile>[]} */
  const tiles = [];
  const readout = make("span", { className: "readout", textContent: HINT });
  readout.setAttribute("role", "status");
  const leave = () => {
    for (const { cross } of tiles) cross.style.display = "none";
    readout.textContent = HINT;
  };
  const rows = data.rows.map((row) => {
    const made = row.tiles.map((tile) => {
      const parts = makeTile(tile, data.opacity);
      const words = readerOf(tile, row.label);
      followPixels(parts.box, tile.size, (at) => {
        for (const { cross, size } of tiles) placeCross(cross, at, size);
        readout.textContent = words(at);
      }, leave);
      return parts;
    });
    tiles.push(...made);
    const label = make("div", { className: "row-label", textContent: row.label });
    const line = make("div", { className: "row" }, label, ...made.map(({ figure }) => figure));
    line.style.gridTemplateColumns = `repeat(${made.length}, minmax(0, 1fr))`;
    return line;
  });
  const bar = picture(data.legend, "Colour scale from dissimilar to similar");
  const legend = make("span", { className: "legend" }, "dissimilar", bar, "similar");
  rootOf(parentElement, "map_viewer").replaceChildren(...rows, make("div", { className: "foot" }, legend, readout));
}
