// Lays colours over crops, reads values under the pointer, and looks at all tiles of the page in one way.

import { gradient } from "./map_viewer/colours.js";
import { drawControls, makeControls } from "./map_viewer/controls.js";
import { follow } from "./map_viewer/gestures.js";
import { drawingText, FIRST, largeOf, pageLook } from "./map_viewer/look.js";
import { drawOriginal, makeOriginal, placeOnPhoto, placeReader } from "./map_viewer/original.js";
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
  /** @type {import("./map_viewer/original.js").OriginalTile[]} */
  originals = [];
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
    // One viewer of the page listens to Python, lest an older one contradict it.
    if (data.controls || !this.look.state.palette) {
      this.look.adopt(drawingText(data.drawing));
    }
    this.draw();
  }

  lay() {
    const { rows } = this.data;
    this.rows = rows.map((row, index) => row.tiles.map((tile) => makeTile(tile, row, rows[(index + 1) % rows.length])));
    this.originals = rows.flatMap((row) => (row.original ? [makeOriginal(row, row.original)] : []));
    for (const tile of this.rows.flat()) this.follow(tile, readerOf(tile.tile, tile.row.label, tile.size));
    for (const made of this.originals) this.follow(made, placeReader(made.row.label, made.original));
    this.panels.replaceChildren(...this.rows.map((tiles, index) => {
      const label = make("div", { className: "row-label", textContent: rows[index].label });
      const figures = tiles.map(({ figure }) => figure);
      const beside = this.originals.filter(({ row }) => row === rows[index]).map(({ figure }) => figure);
      const line = make("div", { className: "row" }, label, ...figures, ...beside);
      line.style.setProperty("--tiles", String(tiles.length));
      line.style.setProperty("--small", String(Math.max(1, tiles.length - 1)));
      return line;
    }));
  }

  /**
   * @param {Parameters<typeof follow>[0]} tile
   * @param {(at: Point) => string} words
   */
  follow(tile, words) {
    const point = (/** @type {Point | null} */ at) => {
      for (const { cross, size } of this.rows.flat()) placeCross(cross, at, size);
      for (const made of this.originals) placeOnPhoto(made, at);
      this.readout.textContent = at ? words(at) : HINT;
    };
    follow(tile, this.look, point, () => point(null));
  }

  draw() {
    const { state } = this.look;
    const large = largeOf(this.data.rows[0].tiles, state.large);
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
    this.panels.classList.toggle("beside", state.original && this.originals.length > 0);
    for (const made of this.originals) drawOriginal(made, state, this.look.photographs[made.original.key] ?? []);
    this.bar.style.background = gradient(this.data.palettes[state.palette], this.data.power, state.opacity);
    if (this.controls) {
      drawControls(this.controls, state, this.data);
      this.tell(state);
    }
  }

  /** @param {LookState} state */
  tell(state) {
    const drawing = drawingText(state);
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
