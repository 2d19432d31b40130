// What the user does, told to the player: by slider, chart, keys and buttons.

/**
 * @param {HTMLElement} root
 * @param {import("./stage.js").Stage} stage
 * @param {import("./panel.js").Panel} panel
 * @param {import("./player.js").Player} player
 * @param {(x: number) => number} positionAt an offset from the left of the chart
 */
export function listen(root, stage, { play, slider, chart, present }, player, positionAt) {
  const seek = (/** @type {PointerEvent} */ { clientX }) =>
    player.drag(positionAt(clientX - chart.getBoundingClientRect().left));
  play.onclick = () => player.toggle();
  slider.oninput = () => player.drag(Number(slider.value));
  slider.onchange = () => player.settle();
  chart.onpointerdown = (event) => {
    chart.setPointerCapture(event.pointerId);
    seek(event);
  };
  chart.onpointermove = (event) => {
    if (chart.hasPointerCapture(event.pointerId)) seek(event);
  };
  chart.onpointerup = () => player.settle();
  present.onclick = () => (stage.isOpen ? stage.leave() : stage.enter());
  const press = (/** @type {KeyboardEvent} */ event) => {
    const isPlay = event.key === " " && (event.target === slider || (stage.isOpen && !isPressed(event)));
    if (isPlay) player.toggle();
    if (isPlay || player.press(event, stage.isOpen)) event.preventDefault();
  };
  root.onkeydown = (event) => {
    if (!stage.isOpen) press(event);
  };
  // A remote control presses keys wherever the focus is.
  stage.onkey = press;
}

/**
 * Whether the key presses what has the focus.
 * @param {KeyboardEvent} event
 */
function isPressed(event) {
  const [focused] = event.composedPath();
  return focused instanceof HTMLButtonElement || (focused instanceof HTMLInputElement && focused.type === "checkbox");
}
