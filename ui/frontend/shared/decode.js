// Arrays that Python sent in base64, least significant byte first.

/** @param {string} base64 */
export function bytes(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
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
