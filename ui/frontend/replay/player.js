// Holds the state of a replay: has it drawn before the next frame once it changes, and reported once it rests.

import { keyed, played, resting, started } from "./state.js";

/** @typedef {import("./state.js").State} State */

/** How long a position stands, in ms, before it is reported: nothing is sent while it moves. */
const STANDS = 300;

export class Player {
  state = resting(0);
  steps = 1;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");
  #reported = 0;
  #frame = 0;
  #timer = 0;
  /** @type {State | null} */
  #drawn = null;
  #draw;

  /** @param {(state: State) => void} draw */
  constructor(draw) {
    this.#draw = draw;
  }

  /** @type {(position: number) => void} */
  report = () => {};

  /**
   * Begin at a position that needs no report.
   * @param {number} position
   */
  reset(position) {
    this.state = resting(position);
    this.#reported = this.state.position;
  }

  /** Draw anew and at once, though the state may be the same: new data have emptied the canvases. */
  redraw() {
    this.#draw((this.#drawn = this.state));
    if (this.state.playing) this.#wake();
  }

  /** Draw nothing more until something changes. */
  pause() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  /**
   * While a pointer is held.
   * @param {number} position
   */
  drag(position) {
    clearTimeout(this.#timer);
    this.state = resting(position);
    this.#wake();
  }

  /** Report where the pointer let go. */
  settle() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const { position, playing } = this.state;
      if (!playing && position !== this.#reported) this.report((this.#reported = position));
    }, STANDS);
  }

  toggle() {
    if (this.state.playing) this.#jump(this.state.position);
    else this.state = started(this.state, performance.now());
    this.#wake();
  }

  /**
   * Whether the key leads anywhere.
   * @param {KeyboardEvent} event
   * @param {boolean} remote see `keyed`
   */
  press(event, remote) {
    const position = keyed(this.state.position, event, this.steps, remote);
    if (position !== undefined) this.#jump(position);
    return position !== undefined;
  }

  /** @param {number} position */
  #jump(position) {
    this.drag(position);
    this.settle();
  }

  #wake() {
    this.#frame ||= requestAnimationFrame((now) => this.#tick(now));
  }

  /** @param {number} now */
  #tick(now) {
    this.#frame = 0;
    if (this.state.playing) this.#play(now);
    if (this.state !== this.#drawn) this.#draw((this.#drawn = this.state));
    if (this.state.playing) this.#wake();
  }

  /** @param {number} now */
  #play(now) {
    this.state = played(this.state, now, this.steps, this.#calm.matches);
    if (!this.state.playing) this.settle();
  }
}
