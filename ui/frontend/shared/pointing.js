// Where a pointer or the arrow keys lead.

/** @type {Record<string, [number, number] | undefined>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

/**
 * How far an arrow key moves: by one, with Shift by `far`; null for another key.
 * @param {{ key: string, shiftKey: boolean }} event
 * @param {number} far
 * @returns {Point | null}
 */
export function arrowMove({ key, shiftKey }, far) {
  const arrow = ARROWS[key];
  if (!arrow) return null;
  const stride = shiftKey ? far : 1;
  return { x: arrow[0] * stride, y: arrow[1] * stride };
}

/**
 * Where in an element the pointer is, as shares of its width and height.
 * @param {{ clientX: number, clientY: number }} event
 * @param {Element} element
 * @returns {Point}
 */
export function pointedAt(event, element) {
  const area = element.getBoundingClientRect();
  return { x: (event.clientX - area.left) / area.width, y: (event.clientY - area.top) / area.height };
}
