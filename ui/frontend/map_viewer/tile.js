// One tile: a crop, the colours and outlines over it, the picture it is compared with, and the cross.

import { floats } from "../shared/decode.js";
import { make, outlineOf, picture, shape } from "../shared/dom.js";
import { pointedAt } from "../shared/pointing.js";
import { colourLayer } from "./colours.js";
import { offsetOf } from "./look.js";

/** @typedef {ReturnType<typeof makeTile>} Tile */

/**
 * What the viewer says of a pixel.
 * @param {MapTile} tile
 * @param {string} row
 * @param {number} size
 * @returns {(at: Point) => string}
 */
export function readerOf(tile, row, size) {
  /** @type {Float32Array | null} */
  let values = null;
  /** @type {Int32Array | null} */
  let ranks = null;
  return ({ x, y }) => {
    const where = `${row}, ${tile.title.toLowerCase()}: x ${x}, y ${y}`;
    if (!tile.values) return where;
    values ??= floats(tile.values);
    const at = y * size + x;
    const share = Math.round((100 * Math.abs(values[at])) / (tile.scale ?? 1));
    ranks ??= ranksOf(values);
    const rank = `${(ranks[at] + 1).toLocaleString("en")} of ${values.length.toLocaleString("en")} from the highest`;
    return `${where}, value ${values[at].toExponential(3)}, ${share} % of full colour, rank ${rank}`;
  };
}

/**
 * Of each value, how many are higher.
 * @param {Float32Array} values
 */
export function ranksOf(values) {
  const order = Array.from(values.keys()).sort((a, b) => values[b] - values[a]);
  const ranks = new Int32Array(values.length);
  for (let place = 1; place < order.length; place++) {
    const tied = values[order[place]] === values[order[place - 1]];
    ranks[order[place]] = tied ? ranks[order[place - 1]] : place;
  }
  return ranks;
}

/**
 * @param {MapTile} tile
 * @param {MapRow} row
 * @param {MapRow} other the other face
 */
export function makeTile(tile, row, other) {
  const base = picture(tile.values ? row.grey : row.crop);
  const over = picture(row.crop);
  over.className = "over-all";
  const cross = make("div", { className: "cross" });
  const canvas = make("canvas", { width: row.size, height: row.size });
  const lines = shape("svg", { viewBox: `0 0 ${row.size} ${row.size}`, "aria-hidden": "true" });
  for (const sign of /** @type {const} */ (["similar", "dissimilar"])) {
    if (tile.outlines?.[sign]) lines.append(shape("g", { class: sign }, ...outlineOf(tile.outlines[sign])));
  }
  const view = make("div", { className: "view" }, base, ...(tile.values ? [canvas, lines] : []), over, cross);
  const box = make("div", { className: "tile", tabIndex: 0 }, view);
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", tile.alt);
  const caption = make("figcaption", { textContent: tile.title, title: tile.title });
  if (tile.note) caption.append(make("small", { textContent: tile.note, title: tile.note }));
  const figure = make("figure", {}, caption, box);
  const values = tile.values ? floats(tile.values) : null;
  const pointed = (/** @type {MouseEvent} */ event) => pointedAt(event, view);
  return { tile, row, other, values, base, over, canvas, lines, cross, view, box, figure, pointed, size: row.size, drawn: "" };
}

/**
 * @param {Tile} made
 * @param {LookState} look
 * @param {ViewerData} data
 */
export function drawTile(made, look, data) {
  const { tile, row, other, values, base, over, canvas, lines, view } = made;
  const faces = look.compare.endsWith("faces");
  if (values && made.drawn !== look.palette) {
    const layer = colourLayer(values, tile, data.palettes[look.palette], data.power);
    canvas.getContext("2d")?.putImageData(new ImageData(layer, row.size), 0, 0);
    made.drawn = look.palette;
  }
  canvas.style.opacity = String(look.opacity / 100);
  canvas.hidden = faces;
  lines.style.display = look.outlines && !faces ? "" : "none";
  setSource(base, values && !faces ? row.grey : row.crop);
  setSource(over, faces ? other.crop : row.crop);
  over.style.display = look.compare === "off" ? "none" : "";
  over.style.clipPath = look.compare.startsWith("wipe") ? `inset(0 ${100 - look.wiped}% 0 0)` : "";
  over.dataset.blinks = String(look.compare.startsWith("blink"));
  const { x, y } = offsetOf(look);
  made.box.style.touchAction = look.zoom > 1 ? "none" : "";
  view.style.transform = `translate(${100 * x}%, ${100 * y}%) scale(${look.zoom})`;
}

/**
 * @param {HTMLImageElement} image
 * @param {string} source
 */
function setSource(image, source) {
  if (image.getAttribute("src") !== source) image.src = source;
}

/**
 * @param {HTMLElement} cross
 * @param {Point | null} at
 * @param {number} size
 */
export function placeCross(cross, at, size) {
  if (!at) return void (cross.style.display = "none");
  const side = `${100 / size}%`;
  Object.assign(cross.style, {
    display: "block", left: `${(100 / size) * at.x}%`, top: `${(100 / size) * at.y}%`, width: side, height: side,
  });
}
