// Pixels as a canvas holds them: one uint32 each.

const OPAQUE = 0xff000000;
const VEIL = 0xd8808080; // grey over what is replaced of the map

/**
 * @param {Uint8Array} rgb three bytes a pixel
 */
export function opaque(rgb) {
  const made = new Uint32Array(rgb.length / 3);
  for (let i = 0; i < made.length; i++) made[i] = OPAQUE | (rgb[3 * i + 2] << 16) | (rgb[3 * i + 1] << 8) | rgb[3 * i];
  return made;
}

/**
 * Puts the pixels whose rank is below `count` from `end` into `shown`, the others from `start`, and a veil over them.
 * @param {{ ranks: Int32Array, start: Uint32Array, end: Uint32Array, shown: Uint32Array, veil: Uint32Array }} pixels
 * @param {number} count
 */
export function putBack({ ranks, start, end, shown, veil }, count) {
  for (let i = 0; i < ranks.length; i++) {
    const back = ranks[i] < count;
    shown[i] = back ? end[i] : start[i];
    veil[i] = back ? VEIL : 0;
  }
}
