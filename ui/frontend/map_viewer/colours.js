// Values to colours, as render.py does it.

/**
 * Four bytes a pixel: the colour tells the sign, the alpha grows with |value| / scale.
 * @param {Float32Array} values
 * @param {Pick<MapTile, "scale" | "dissimilar">} tile
 * @param {Ends<Colour>} palette
 * @param {number} power
 */
export function colourLayer(values, { scale = 1, dissimilar = false }, palette, power) {
  const made = new Uint8ClampedArray(4 * values.length);
  for (let i = 0; i < values.length; i++) {
    const shown = dissimilar ? -values[i] : values[i];
    made.set(shown >= 0 ? palette.similar : palette.dissimilar, 4 * i);
    made[4 * i + 3] = 255 * Math.min(1, Math.abs(shown) / scale) ** power;
  }
  return made;
}

/**
 * The scale as a CSS gradient over grey.
 * @param {Ends<Colour>} palette
 * @param {number} power
 * @param {number} opacity percent
 */
export function gradient({ dissimilar, similar }, power, opacity) {
  const stop = (/** @type {Colour} */ colour, /** @type {number} */ share) =>
    `rgb(${colour.join(" ")} / ${(opacity * share ** power).toFixed(1)}%)`;
  const shares = [1, 0.75, 0.5, 0.25, 0.1, 0];
  const stops = [...shares.map((share) => stop(dissimilar, share)), ...shares.reverse().map((share) => stop(similar, share))];
  return `linear-gradient(to right, ${stops.join(", ")}), linear-gradient(#a0a0a0, #a0a0a0)`;
}
