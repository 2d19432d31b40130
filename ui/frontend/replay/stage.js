// The replay alone on the screen, for a room: a dialog above the page, which holds the faces and the panel meanwhile.

import { make } from "../shared/dom.js";

const KEYS = "Page Down and Page Up: a step. Space: play and pause. F11: full screen. Esc: leave.";

export class Stage {
  #dialog = make("dialog", { className: "stage", tabIndex: -1 });
  #heading = make("h2");
  #caution = make("p");
  #show = make("div", { className: "show" });
  #held;

  /**
   * @param {HTMLElement} home where what is shown belongs
   * @param {Element[]} held what is shown
   * @param {HTMLButtonElement} button that opens and closes it
   */
  constructor(home, held, button) {
    this.#held = held;
    this.#dialog.append(this.#heading, this.#show, make("footer", {}, this.#caution, make("p", { textContent: KEYS })));
    this.#dialog.setAttribute("aria-label", "Presentation");
    home.append(this.#dialog);
    this.#dialog.onclose = () => {
      window.removeEventListener("keydown", this.#press);
      home.prepend(...held);
      button.textContent = "Present";
      button.focus();
      this.told(false);
    };
    this.opened = () => (button.textContent = "Leave the presentation");
  }

  /** @type {(event: KeyboardEvent) => void} */
  onkey = () => {};

  /** @type {(isOpen: boolean) => void} */
  told = () => {};

  get isOpen() {
    return this.#dialog.open;
  }

  /**
   * What stands above and below.
   * @param {ReplayData} data
   */
  name({ heading, caution }) {
    this.#heading.textContent = heading;
    this.#caution.textContent = caution;
  }

  enter() {
    this.#show.append(...this.#held);
    this.#dialog.showModal();
    window.addEventListener("keydown", this.#press);
    this.opened();
    this.#dialog.focus();
    this.told(true);
  }

  leave() {
    this.#dialog.close();
  }

  #press = (/** @type {KeyboardEvent} */ event) => this.onkey(event);
}
