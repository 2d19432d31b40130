// Stacks the colour layer over the crop and reads values under the pointer. Colours are made in Python.

function floats(base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

function image(source, opacity) {
  const element = document.createElement("img");
  element.src = source;
  element.alt = "";
  element.draggable = false;
  if (opacity !== undefined) element.style.opacity = opacity;
  return element;
}

export default function ({ data, parentElement }) {
  const viewer = parentElement.querySelector(".viewer");
  const tiles = [];
  const readout = document.createElement("span");
  readout.className = "readout";
  readout.setAttribute("role", "status");
  const hint = "Point at a map, or focus it and use the arrow keys, to read values.";
  readout.textContent = hint;

  function show(at, x, y) {
    for (const tile of tiles) {
      const step = 100 / tile.size;
      Object.assign(tile.cross.style, {
        display: "block", left: `${x * step}%`, top: `${y * step}%`, width: `${step}%`, height: `${step}%`,
        minWidth: "7px", minHeight: "7px",
      });
    }
    if (!at.values) {
      readout.textContent = `${at.name}: x ${x}, y ${y}`;
      return;
    }
    const value = at.values[y * at.size + x];
    const share = Math.round((100 * Math.abs(value)) / at.scale);
    readout.textContent = `${at.name}: x ${x}, y ${y}, value ${value.toExponential(3)}, ${share} % of full colour`;
  }

  function hide() {
    for (const tile of tiles) tile.cross.style.display = "none";
    readout.textContent = hint;
  }

  function build(row, spec) {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.textContent = spec.title;
    const box = document.createElement("div");
    box.className = "tile";
    box.tabIndex = 0;
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", spec.alt);
    box.append(image(spec.base));
    if (spec.layer) box.append(image(spec.layer, data.opacity));
    const cross = document.createElement("div");
    cross.className = "cross";
    box.append(cross);
    const tile = {
      cross, size: spec.size, scale: spec.scale, name: `${row.label}, ${spec.title.toLowerCase()}`,
      values: spec.values ? floats(spec.values) : null,
    };
    tiles.push(tile);
    const at = { x: Math.floor(spec.size / 2), y: Math.floor(spec.size / 2) };
    const clamp = (v) => Math.min(spec.size - 1, Math.max(0, v));
    box.onpointermove = (event) => {
      const area = box.getBoundingClientRect();
      at.x = clamp(Math.floor(((event.clientX - area.left) / area.width) * spec.size));
      at.y = clamp(Math.floor(((event.clientY - area.top) / area.height) * spec.size));
      show(tile, at.x, at.y);
    };
    box.onpointerleave = hide;
    box.onblur = hide;
    box.onkeydown = (event) => {
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!move) return;
      event.preventDefault();
      const stride = event.shiftKey ? 8 : 1;
      at.x = clamp(at.x + move[0] * stride);
      at.y = clamp(at.y + move[1] * stride);
      show(tile, at.x, at.y);
    };
    figure.append(caption, box);
    return figure;
  }

  const rows = data.rows.map((row) => {
    const line = document.createElement("div");
    line.className = "row";
    line.style.gridTemplateColumns = `repeat(${row.tiles.length}, minmax(0, 1fr))`;
    const label = document.createElement("div");
    label.className = "row-label";
    label.textContent = row.label;
    line.append(label, ...row.tiles.map((spec) => build(row, spec)));
    return line;
  });
  const legend = document.createElement("span");
  legend.className = "legend";
  const bar = image(data.legend);
  bar.alt = "Colour scale from dissimilar to similar";
  legend.append("dissimilar", bar, "similar");
  const foot = document.createElement("div");
  foot.className = "foot";
  foot.append(legend, readout);
  viewer.replaceChildren(...rows, foot);
}
