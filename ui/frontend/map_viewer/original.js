// The photograph of a crop, with the crop's square on it. At first it is seen whole; enlarged, the same place as in the
// other tiles, at the same scale.

import { make, shape } from "../shared/dom.js";
import { pointedAt } from "../shared/pointing.js";

/** @typedef {ReturnType<typeof makeOriginal>} OriginalTile */

/**
 * Where a place on the crop lies on the photograph, both in pixels from the upper left corner.
 * @param {Pick<Original, "toPhoto">} original
 * @param {Point} place
 * @returns {Point}
 */
export function onPhoto({ toPhoto: [a, b, c, d, e, f] }, { x, y }) {
  return { x: a * x + c * y + e, y: b * x + d * y + f };
}

/**
 * Where a place on the photograph lies on the crop.
 * @param {Pick<Original, "toPhoto">} original
 * @param {Point} place
 * @returns {Point}
 */
export function onCrop({ toPhoto: [a, b, c, d, e, f] }, { x, y }) {
  const area = a * d - b * c;
  return { x: (d * (x - e) - c * (y - f)) / area, y: (a * (y - f) - b * (x - e)) / area };
}

/**
 * The square of the photograph that is seen.
 * @param {Pick<LookState, "zoom" | "centre">} look
 * @param {Pick<Original, "width" | "height" | "toPhoto">} original
 * @param {number} size side of the crop, in pixels
 * @returns {{ x: number, y: number, side: number }}
 */
export function seenOf({ zoom, centre }, original, size) {
  const { width, height, toPhoto } = original;
  const whole = zoom === 1;
  const side = whole ? Math.max(width, height) : (size * Math.hypot(toPhoto[0], toPhoto[1])) / zoom;
  const middle = whole ? { x: width / 2, y: height / 2 } : onPhoto(original, { x: size * centre.x, y: size * centre.y });
  return { x: middle.x - side / 2, y: middle.y - side / 2, side };
}

/**
 * What the viewer says of the place of a pixel of the crop.
 * @param {string} row
 * @param {Original} original
 * @returns {(at: Point) => string}
 */
export function placeReader(row, original) {
  return ({ x, y }) => {
    const place = onPhoto(original, { x: x + 0.5, y: y + 0.5 });
    return `${row}, photograph: x ${Math.floor(place.x)}, y ${Math.floor(place.y)}`;
  };
}

/**
 * @param {MapRow} row
 * @param {Original} original
 */
export function makeOriginal(row, original) {
  const { alt, note, toPhoto } = original;
  const square = (/** @type {number} */ side) =>
    ["under", "over"].map((name) => shape("rect", { class: name, width: side, height: side }));
  const cross = shape("g", { class: "spot" }, ...square(1));
  const pictures = shape("g", {});
  const photograph = shape("svg", { "aria-hidden": "true" }, pictures,
    shape("g", { transform: `matrix(${toPhoto.join(" ")})` }, ...square(row.size), cross));
  const waits = make("span", { className: "waits", textContent: "The photograph is on its way" });
  const box = make("div", { className: "tile", tabIndex: 0 }, photograph, waits);
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", alt);
  const caption = make("figcaption", { textContent: "Photograph" }, make("small", { textContent: note, title: note }));
  const figure = make("figure", { className: "large original" }, caption, box);
  const seen = { x: 0, y: 0, side: 1 };
  const pointed = (/** @type {MouseEvent} */ event) => {
    const { x, y } = pointedAt(event, box);
    const place = onCrop(original, { x: seen.x + x * seen.side, y: seen.y + y * seen.side });
    return { x: place.x / row.size, y: place.y / row.size };
  };
  return { row, original, box, figure, photograph, pictures, waits, cross, seen, pointed, size: row.size };
}

/**
 * @param {OriginalTile} made
 * @param {LookState} look
 * @param {PhotoView[]} views none while they are on their way
 */
export function drawOriginal({ original, box, figure, photograph, pictures, waits, seen, size }, look, views) {
  figure.hidden = !look.original;
  photograph.style.display = views.length ? "" : "none";
  waits.hidden = views.length > 0;
  if (pictures.childElementCount !== views.length) pictures.replaceChildren(...views.map(imageOf));
  Object.assign(seen, seenOf(look, original, size));
  photograph.setAttribute("viewBox", `${seen.x} ${seen.y} ${seen.side} ${seen.side}`);
  box.style.touchAction = look.zoom > 1 ? "none" : "";
  // Once a pixel is larger than one of the screen, it is seen as it is.
  const shown = look.zoom > 1 && box.clientWidth > seen.side ? "pixelated" : "auto";
  pictures.style.imageRendering = shown;
}

/** @param {PhotoView} view */
function imageOf({ picture, ...place }) {
  return shape("image", { href: picture, preserveAspectRatio: "none", ...place });
}

/**
 * @param {OriginalTile} made
 * @param {Point | null} at the pixel of the crop
 */
export function placeOnPhoto({ cross }, at) {
  cross.style.display = at ? "inline" : "none";
  if (at) cross.setAttribute("transform", `translate(${at.x} ${at.y})`);
}
