// Arrays that Python sent in base64, least significant byte first.

/** @param {string} base64 */
export function bytes(base64) {
  const text = atob(base64);
  const values = new Uint8Array(text.length);
  // `Uint8Array.from` takes twenty times as long, a fifth of a second for the maps of a page.
  for (let at = 0; at < text.length; at++) values[at] = text.charCodeAt(at);
  return values;
}

/** @param {string} base64 */
export function floats(base64) {
  return new Float32Array(bytes(base64).buffer);
}

/** @param {string} base64 */
export function integers(base64) {
  return new Int32Array(bytes(base64).buffer);
}

/** @param {string} base64 */
export function doubles(base64) {
  return new Float64Array(bytes(base64).buffer);
}
