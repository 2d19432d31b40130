// What the user does, told to the player: by slider, chart, keys and buttons.

/**
 * @param {HTMLElement} root
 * @param {import("./panel.js").Panel} panel
 * @param {import("./player.js").Player} player
 * @param {(x: number) => number} positionAt an offset from the left of the chart
 */
export function listen(root, { play, slider, chart }, player, positionAt) {
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
  root.onkeydown = (event) => {
    const isPlay = event.key === " " && event.target === slider;
    if (isPlay) player.toggle();
    if (isPlay || player.press(event)) event.preventDefault();
  };
}
