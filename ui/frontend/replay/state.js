// Where the replay stands and whether it plays. Nothing here changes a state: each function gives the next one.

import { clamp } from "../shared/pointing.js";
import { FULL, measured, positionOf } from "./order.js";

/** How long a whole play-through takes, and one step of it for those who want no motion. */
const SECONDS = 8;
const SECONDS_PER_STEP = 0.7;

/** @typedef {{ readonly position: number, readonly playing: boolean, readonly since: number }} State `since` in ms */

/**
 * At a whole position.
 * @param {number} position
 * @returns {State}
 */
export function resting(position) {
  return { position: clamp(Math.round(position), 0, FULL), playing: false, since: 0 };
}

/**
 * Playing on, from the beginning where it was at the end.
 * @param {State} state
 * @param {number} now in ms
 * @returns {State}
 */
export function started(state, now) {
  return { position: state.position >= FULL ? 0 : state.position, playing: true, since: now };
}

/**
 * A playing state some time later: the same while nothing is to move, at rest once everything is replaced.
 * Positions have fractions of a per mille here: rounding them would slow the play down.
 * @param {State} state
 * @param {number} now in ms
 * @param {number} steps
 * @param {boolean} calm without motion: from measured step to measured step
 * @returns {State}
 */
export function played(state, now, steps, calm) {
  const passed = (now - state.since) / 1000;
  if (calm && passed <= SECONDS_PER_STEP) return state;
  const position = calm ? nextStep(state.position, steps) : state.position + (FULL * passed) / SECONDS;
  return position >= FULL ? resting(FULL) : { position: Math.max(0, position), playing: true, since: now };
}

/**
 * @param {number} position
 * @param {number} steps
 */
function nextStep(position, steps) {
  return positionOf(measured(position + 1e-6, steps) + 1, steps);
}

/**
 * The position that a key leads to, which may lie beyond the ends; undefined for another key.
 * @param {number} position
 * @param {{ key: string, shiftKey: boolean }} event
 * @param {number} steps
 * @param {boolean} remote a presenter's, whose keys for the next and the last page lead to the next and the last step
 */
export function keyed(position, { key, shiftKey }, steps, remote = false) {
  const stride = shiftKey ? FULL / steps : FULL / 100;
  const page = remote ? -FULL / steps : FULL / 10;
  /** @type {Record<string, number | undefined>} */
  const places = {
    ArrowLeft: position - stride,
    ArrowDown: position - stride,
    ArrowRight: position + stride,
    ArrowUp: position + stride,
    PageDown: position - page,
    PageUp: position + page,
    Home: 0,
    End: FULL,
  };
  return places[key];
}
