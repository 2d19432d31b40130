// Plays a replay: puts pixels back on a canvas in the order Python gave, with the measured scores in step.
// Built once; later data (another method, the random band) replace what is drawn and keep the position.

import { layFaces } from "./replay/faces.js";
import { listen } from "./replay/input.js";
import { stepsOf } from "./replay/order.js";
import { layPanel } from "./replay/panel.js";
import { Player } from "./replay/player.js";
import { Scene } from "./replay/scene.js";
import { Stage } from "./replay/stage.js";
import { rootOf } from "./shared/dom.js";

/** @typedef {(name: "at" | "present", value: unknown) => void} Report */

/**
 * Lays the replay out in an empty element, and gives what shows data there.
 * @param {HTMLElement} root
 */
function build(root) {
  const faces = layFaces();
  const panel = layPanel();
  /** @type {Scene | null} */
  let scene = null;
  const player = new Player((state) => scene?.draw(state));
  root.replaceChildren(faces.element, panel.element);
  const stage = new Stage(root, [faces.element, panel.element], panel.present);
  listen(root, stage, panel, player, (x) => scene?.positionAt(x) ?? 0);
  panel.toggle.onchange = () => (faces.patches.style.display = panel.toggle.checked ? "" : "none");
  new ResizeObserver(() => scene?.resize(player.state)).observe(panel.box);

  return (/** @type {ReplayData} */ data, /** @type {Report} */ report) => {
    player.report = (position) => report("at", position);
    stage.told = (isOpen) => report("present", isOpen);
    player.steps = stepsOf(data.curves);
    stage.name(data);
    if (data.key !== scene?.data.key) player.reset(data.at);
    if (!scene && data.present) stage.enter();
    scene = new Scene(faces, panel, data);
    player.redraw();
    return () => player.pause();
  };
}

/** @type {WeakMap<HTMLElement, ReturnType<typeof build>>} */
const built = new WeakMap();

/** @param {Component<ReplayData>} component */
export default function ({ data, parentElement, setStateValue }) {
  const root = rootOf(parentElement, "replay");
  const show = built.get(root) ?? build(root);
  built.set(root, show);
  return show(data, setStateValue);
}
