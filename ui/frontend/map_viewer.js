// Lays colours over crops, reads values under the pointer, and looks at all tiles of the page in one way.

import { gradient } from "./map_viewer/colours.js";
import { drawControls, makeControls } from "./map_viewer/controls.js";
import { follow } from "./map_viewer/gestures.js";
import { FIRST, pageLook } from "./map_viewer/look.js";
import { drawTile, makeTile, placeCross, readerOf } from "./map_viewer/tile.js";
import { make, rootOf } from "./shared/dom.js";

const HINT = "Point at a map, or focus it and use the arrow keys, to read values; + and \u2212 enlarge.";
/** How long a drawing stands, in ms, before it is reported: nothing waits for that. */
const STANDS = 500;

/** What is there of a viewer, by its element. @type {WeakMap<Element, Viewer>} */
const viewers = new WeakMap();

class Viewer {
  look = pageLook();
  /** @type {ReturnType<typeof makeTile>[][]} */
  rows = [];
  shown = "";
  faces = "";
  #timer = 0;

  /**
   * @param {HTMLElement} root
   * @param {ViewerData} data
   */
  constructor(root, data) {
    this.data = data;
    this.root = root;
    this.readout = make("div", { className: "readout", textContent: HINT });
    this.readout.setAttribute("role", "status");
    this.bar = make("i", { className: "bar" });
    this.ends = { dissimilar: make("span"), similar: make("span") };
    const end = (/** @type {"dissimilar" | "similar"} */ sign) =>
      make("span", { className: `end ${sign}` }, make("i", { className: "mark" }), this.ends[sign]);
    const legend = make("div", { className: "legend" }, this.bar, end("dissimilar"), end("similar"));
    this.panels = make("div", { className: "panels" });
    this.controls = data.controls ? makeControls(this.look, root) : null;
    root.replaceChildren(legend, this.panels, this.readout);
    if (this.controls) root.append(this.controls.element);
    const stop = this.look.listen(() => (root.isConnected ? this.draw() : stop()));
  }

  /** @param {Component<ViewerData>} component */
  show({ data, setTriggerValue }) {
    this.data = data;
    this.report = setTriggerValue;
    const shown = JSON.stringify(data.rows);
    const faces = data.rows.map(({ crop }) => crop).join();
    if (shown !== this.shown) this.lay();
    if (this.faces && faces !== this.faces) this.look.state = { ...this.look.state, zoom: FIRST.zoom, centre: FIRST.centre };
    Object.assign(this, { shown, faces });
    this.panels.classList.toggle("faces", data.large);
    const { palette, opacity } = data;
    // One viewer of the page listens to Python, lest an older one contradict it.
    if (data.controls || !this.look.state.palette) {
      this.look.adopt(JSON.stringify({ palette, opacity: Math.round(100 * opacity) }));
    }
    this.draw();
  }

  lay() {
    const { rows } = this.data;
    this.rows = rows.map((row, index) => row.tiles.map((tile) => makeTile(tile, row, rows[(index + 1) % rows.length])));
    const all = this.rows.flat();
    const leave = () => {
      for (const { cross } of all) cross.style.display = "none";
      this.readout.textContent = HINT;
    };
    for (const tile of all) {
      const words = readerOf(tile.tile, tile.row.label, tile.size);
      follow(tile, this.look, (at) => {
        for (const { cross, size } of all) placeCross(cross, at, size);
        this.readout.textContent = words(at);
      }, leave);
    }
    this.panels.replaceChildren(...this.rows.map((tiles, index) => {
      const label = make("div", { className: "row-label", textContent: rows[index].label });
      const line = make("div", { className: "row" }, label, ...tiles.map(({ figure }) => figure));
      line.style.setProperty("--tiles", String(tiles.length));
      line.style.setProperty("--small", String(Math.max(1, tiles.length - 1)));
      return line;
    }));
  }

  draw() {
    const { state } = this.look;
    const large = Math.min(state.large, this.data.rows[0].tiles.length - 1);
    const { legend = this.data.legend } = this.data.large ? this.data.rows[0].tiles[large] : {};
    for (const sign of /** @type {const} */ (["dissimilar", "similar"])) this.ends[sign].textContent = legend[sign];
    for (const tiles of this.rows) {
      tiles.forEach((tile, index) => {
        const isLarge = this.data.large && index === large;
        tile.box.classList.toggle("large", isLarge);
        tile.figure.classList.toggle("large", isLarge);
        drawTile(tile, state, this.data);
      });
    }
    this.bar.style.background = gradient(this.data.palettes[state.palette], this.data.power, state.opacity);
    if (this.controls) {
      drawControls(this.controls, { ...state, large }, this.data);
      this.tell(state);
    }
  }

  /** @param {LookState} state */
  tell({ palette, opacity }) {
    const drawing = JSON.stringify({ palette, opacity });
    clearTimeout(this.#timer);
    if (drawing === this.look.reported) return;
    this.#timer = setTimeout(() => {
      this.look.reported = drawing;
      this.report?.("drawing", JSON.parse(drawing));
    }, STANDS);
  }

  /** @type {((name: string, value: unknown) => void) | null} */
  report = null;
}

/** @param {Component<ViewerData>} component */
export default function (component) {
  const root = rootOf(component.parentElement, "map_viewer");
  const viewer = viewers.get(root) ?? new Viewer(root, component.data);
  viewers.set(root, viewer);
  viewer.show(component);
}
