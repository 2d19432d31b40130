// Draws the three tiles: the probe as it is at a position, the map that orders its pixels, and the reference.

import { bytes, integers } from "../shared/decode.js";
import { make, outlineOf, picture, shape } from "../shared/dom.js";
import { opaque, putBack } from "./pixels.js";
import { percent } from "./words.js";

/** @typedef {ReturnType<typeof layFaces>} Faces */
/** @typedef {ReturnType<typeof showFaces>} Pixels what of the data a position is drawn from */

function tile(title = "") {
  const canvas = make("canvas", { className: "pixels" });
  const box = make("div", { className: "tile" }, canvas);
  box.setAttribute("role", "img");
  const caption = make("figcaption", { textContent: title });
  return { box, canvas, caption, figure: make("figure", {}, caption, box) };
}

/** The tiles, still empty. */
export function layFaces() {
  const [probe, map, reference] = [tile(), tile(), tile("Reference")];
  const patches = shape("svg", { class: "patches", "aria-hidden": "true" });
  const [grey, layer] = [picture(), picture()];
  probe.box.append(patches);
  map.box.prepend(grey, layer);
  reference.box.setAttribute("aria-label", "Aligned crop of the reference");
  const element = make("div", { className: "tiles" }, probe.figure, map.figure, reference.figure);
  return { element, probe, map, reference, patches, grey, layer };
}

/**
 * Shows what is the same at every position.
 * @param {Faces} faces
 * @param {ReplayData} data
 */
export function showFaces({ probe, map, reference, patches, grey, layer }, data) {
  const sheets = [probe, map, reference].map(({ canvas }) => sheet(canvas, data.size));
  sheets[2].words.set(opaque(bytes(data.reference)));
  put(sheets[2]);
  probe.caption.textContent = data.probeTitle;
  map.caption.textContent = `${data.mapTitle} map`;
  map.box.setAttribute("aria-label", `${data.mapTitle} map of the probe; pixels are in the order of ${data.title}`);
  grey.src = data.grey;
  layer.src = data.layer;
  layer.style.opacity = String(data.opacity);
  patches.setAttribute("viewBox", `0 0 ${data.size} ${data.size}`);
  patches.replaceChildren(...(data.outline ? outlineOf(data.outline) : []));
  const [shown, veil] = sheets;
  return { shown, veil, ranks: integers(data.ranks), start: opaque(bytes(data.start)), end: opaque(bytes(data.end)) };
}

/**
 * @param {Faces} faces
 * @param {Pixels} pixels
 * @param {number} count how many are replaced
 * @param {number} share
 */
export function drawFaces({ probe }, { shown, veil, ...order }, count, share) {
  putBack({ ...order, shown: shown.words, veil: veil.words }, count);
  put(shown);
  put(veil);
  probe.box.setAttribute("aria-label", `Probe with ${percent(share)} of its pixels replaced`);
}

/**
 * A canvas of `size`, and its pixels.
 * @param {HTMLCanvasElement} canvas
 * @param {number} size
 */
function sheet(canvas, size) {
  canvas.width = canvas.height = size;
  const image = new ImageData(size, size);
  return { canvas, image, words: new Uint32Array(image.data.buffer) };
}

/** @param {ReturnType<typeof sheet>} sheet */
function put({ canvas, image }) {
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}
