// One tile: a crop, the colours over it, the cross on it, and its values in words.

import { floats } from "../shared/decode.js";
import { make, picture } from "../shared/dom.js";

/**
 * What the viewer says of a pixel.
 * @param {MapTile} tile
 * @param {string} row
 * @returns {(at: Point) => string}
 */
export function readerOf(tile, row) {
  const values = tile.values ? floats(tile.values) : null;
  return ({ x, y }) => {
    const where = `${row}, ${tile.title.toLowerCase()}: x ${x}, y ${y}`;
    if (!values) return where;
    const value = values[y * tile.size + x];
    const share = Math.round((100 * Math.abs(value)) / (tile.scale ?? 1));
    return `${where}, value ${value.toExponential(3)}, ${share} % of full colour`;
  };
}

/**
 * @param {MapTile} tile
 * @param {number} opacity
 */
export function makeTile(tile, opacity) {
  const cross = make("div", { className: "cross" });
  const box = make("div", { className: "tile", tabIndex: 0 }, picture(tile.base));
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", tile.alt);
  if (tile.layer) {
    const layer = picture(tile.layer);
    layer.style.opacity = String(opacity);
    box.append(layer);
  }
  box.append(cross);
  const caption = make("figcaption", { textContent: tile.title });
  if (tile.note) caption.append(make("small", { textContent: tile.note, title: tile.note }));
  const figure = make("figure", {}, caption, box);
  return { box, cross, figure, size: tile.size };
}

/**
 * @param {HTMLElement} cross
 * @param {Point} at
 * @param {number} size
 */
export function placeCross(cross, at, size) {
  const side = `${100 / size}%`;
  Object.assign(cross.style, {
    display: "block", left: `${(100 / size) * at.x}%`, top: `${(100 / size) * at.y}%`, width: side, height: side,
    minWidth: "7px", minHeight: "7px",
  });
}
