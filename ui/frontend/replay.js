// Plays a replay: puts pixels back on a canvas in the order Python gave, with the measured scores in step.
// Built once; later data (another method, the random band) replace what is drawn and keep the position.

const SVG = "http://www.w3.org/2000/svg";
const FULL = 1000; // the position runs from 0 to this, in per mille of replaced pixels
const SECONDS = 8;
const VEIL = 0xd8808080; // grey over what is replaced of the map, as a canvas holds it
const BOX = { height: 300, left: 52, right: 76, top: 12, bottom: 36 };

function bytes(base64) {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function shape(tag, attributes, parent, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

function tile(title) {
  const canvas = element("canvas", { className: "pixels" });
  const box = element("div", { className: "tile" }, canvas);
  box.setAttribute("role", "img");
  const caption = element("figcaption", { textContent: title });
  return { box, canvas, caption, figure: element("figure", {}, caption, box) };
}

function ticks(low, high) {
  const step = [0.02, 0.05, 0.1, 0.2, 0.5].find((s) => (high - low) / s <= 6) ?? 1;
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(k * step);
  return found;
}

function build(root) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let data, report, pixels, reach, layout;
  let position = 0, reported = 0, playing = false, frame = 0, last = 0, dirty = true, timer = 0;

  const probe = tile("Probe");
  const map = tile("Map that orders the pixels");
  const reference = tile("Reference");
  const patches = document.createElementNS(SVG, "svg");
  patches.setAttribute("class", "patches");
  patches.setAttribute("aria-hidden", "true");
  probe.box.append(patches);
  const grey = element("img", { alt: "", draggable: false });
  const layer = element("img", { alt: "", draggable: false });
  map.box.prepend(grey, layer);

  const play = element("button", { type: "button", className: "play", textContent: "Play" });
  const toggle = element("input", { type: "checkbox", checked: true });
  const outlines = element("label", { className: "toggle" }, toggle, "Outline the true patches");
  const readout = element("div", { className: "readout" });
  const chart = document.createElementNS(SVG, "svg");
  chart.setAttribute("class", "chart");
  chart.setAttribute("role", "img");
  const slider = element("input", { type: "range", min: 0, max: FULL, step: 1, className: "slider" });
  slider.setAttribute("aria-label", "Replaced pixels");
  const legend = element("div", { className: "legend" });
  const controls = element("div", { className: "controls" }, play, outlines);
  const panel = element("div", { className: "panel" }, readout, legend, chart, slider, controls);
  root.replaceChildren(
    element("div", { className: "tiles" }, probe.figure, map.figure, reference.figure),
    panel,
  );

  const steps = () => data.curves.scores.length - 1;
  const measured = () => Math.floor((position * steps()) / FULL);
  const isMatch = (score) => score >= data.threshold;
  const word = (score) => (isMatch(score) ? "match" : "non-match");
  const percent = (share) => `${Number((100 * share).toFixed(1))}%`;

  // Whole pixels, or whole cells, rounded half up: at each measured step exactly what was scored.
  function replaced() {
    const units = Math.floor((2 * data.units * position + FULL) / (2 * FULL));
    return units * (data.size ** 2 / data.units);
  }

  function drawFaces() {
    const count = replaced();
    const { start, end, shown, veil } = pixels;
    for (let i = 0; i < reach.length; i++) {
      const back = reach[i] < count;
      shown.data32[i] = back ? end[i] : start[i];
      veil.data32[i] = back ? VEIL : 0;
    }
    probe.canvas.getContext("2d").putImageData(shown, 0, 0);
    map.canvas.getContext("2d").putImageData(veil, 0, 0);
  }

  function drawPosition() {
    const at = measured();
    const score = data.curves.scores[at];
    const where = (at * FULL) / steps() === position ? "" : ` at ${percent(at / steps())}`;
    readout.textContent =
      `${percent(position / FULL)} replaced (${replaced().toLocaleString("en")} pixels) · ` +
      `score${where} ${score.toFixed(4)} · ${word(score)}`;
    readout.dataset.decision = word(score);
    slider.value = position;
    slider.setAttribute("aria-valuetext", readout.textContent);
    probe.box.setAttribute("aria-label", `Probe with ${percent(position / FULL)} of its pixels replaced`);
    const x = layout.x(position / FULL);
    layout.marker.setAttribute("x1", x);
    layout.marker.setAttribute("x2", x);
    layout.dot.setAttribute("cx", layout.x(at / steps()));
    layout.dot.setAttribute("cy", layout.y(score));
  }

  function drawChart() {
    const width = Math.max(280, panel.clientWidth);
    const { scores, inverse, random } = data.curves;
    const all = [...scores, ...inverse, ...(random ? [...random.low, ...random.high] : []), data.threshold];
    const gap = (Math.max(...all) - Math.min(...all)) * 0.08 + 0.01;
    const low = Math.min(...all) - gap, high = Math.max(...all) + gap;
    const bottom = BOX.height - BOX.bottom, right = width - BOX.right;
    const x = (share) => BOX.left + share * (right - BOX.left);
    const y = (score) => bottom - ((score - low) / (high - low)) * (bottom - BOX.top);
    const line = (values) => values.map((v, i) => `${i ? "L" : "M"}${x(i / (values.length - 1))} ${y(v)}`).join("");
    chart.replaceChildren();
    chart.setAttribute("viewBox", `0 0 ${width} ${BOX.height}`);
    chart.setAttribute("aria-label", data.summary);
    for (const value of ticks(low, high)) {
      shape("line", { class: "grid", x1: BOX.left, x2: right, y1: y(value), y2: y(value) }, chart);
      shape("text", { x: BOX.left - 8, y: y(value) + 4, "text-anchor": "end" }, chart, value.toFixed(2));
    }
    for (let share = 0; share <= 10; share += 2) {
      shape("text", { x: x(share / 10), y: bottom + 16, "text-anchor": "middle" }, chart, `${share * 10}%`);
    }
    shape("text", { x: x(0.5), y: bottom + 31, "text-anchor": "middle" }, chart, "replaced pixels");
    if (random) {
      const back = random.low.map((v, i) => `L${x(i / steps())} ${y(v)}`).reverse().join("");
      shape("path", { class: "band", d: line(random.high) + back + "Z" }, chart);
      shape("path", { class: "curve random", d: line(random.mean) }, chart);
    }
    shape("path", { class: "curve inverse", d: line(inverse) }, chart);
    shape("path", { class: "curve method", d: line(scores) }, chart);
    const at = y(data.threshold);
    shape("line", { class: "threshold", x1: BOX.left, x2: right, y1: at, y2: at }, chart);
    shape("text", { x: right + 4, y: at - 5 }, chart, "match");
    shape("text", { x: right + 4, y: at + 14 }, chart, "non-match");
    const marker = shape("line", { class: "marker", y1: BOX.top, y2: bottom }, chart);
    if (data.flip !== null) {
      const flip = { cx: x(data.flip / steps()), cy: y(scores[data.flip]) };
      shape("circle", { class: "flip", r: 6, ...flip }, chart);
      const end = flip.cx > (BOX.left + right) / 2;
      const side = { x: flip.cx + (end ? -10 : 10), "text-anchor": end ? "end" : "start" };
      const above = flip.cy - 10 > BOX.top + 10 ? flip.cy - 10 : flip.cy + 20;
      shape("text", { class: "flip-label", y: above, ...side }, chart, `flips at ${percent(data.flip / steps())}`);
    }
    const dot = shape("circle", { class: "dot", r: 4 }, chart);
    layout = { x, y, marker, dot, left: BOX.left, width: right - BOX.left };
    slider.style.marginLeft = `${BOX.left - 8}px`;
    slider.style.width = `${right - BOX.left + 16}px`;
  }

  function drawLegend() {
    const entries = [["method", data.title], ["inverse", "inverse order"]];
    if (data.curves.random) entries.push(["random", `random, mean and range of ${data.curves.random.permutations}`]);
    entries.push(["threshold", `threshold ${data.threshold.toFixed(4)}`]);
    legend.replaceChildren(...entries.map(([name, text]) => {
      const sample = document.createElementNS(SVG, "svg");
      sample.setAttribute("viewBox", "0 0 28 8");
      sample.setAttribute("aria-hidden", "true");
      shape("line", { class: name === "threshold" ? name : `curve ${name}`, x1: 1, x2: 27, y1: 4, y2: 4 }, sample);
      return element("span", {}, sample, text);
    }));
  }

  function tick(now) {
    frame = 0;
    if (playing) {
      const passed = (now - last) / 1000;
      const stride = FULL / steps();
      if (!calm.matches) {
        last = now;
        move(position + (FULL * passed) / SECONDS);
      } else if (passed > 0.7) {
        last = now;
        move((Math.floor(position / stride + 1e-6) + 1) * stride);
      }
      if (position >= FULL) stop();
    }
    if (dirty) {
      dirty = false;
      drawFaces();
      drawPosition();
    }
    if (playing) wake();
  }

  function wake() {
    if (!frame) frame = requestAnimationFrame(tick);
  }

  // While playing, the position has fractions of a per mille: rounding it would slow the play down.
  function move(to) {
    position = Math.min(FULL, Math.max(0, playing ? to : Math.round(to)));
    dirty = true;
    wake();
  }

  function start() {
    if (position >= FULL) position = 0;
    playing = true;
    last = performance.now();
    play.textContent = "Pause";
    dirty = true;
    wake();
  }

  function stop() {
    playing = false;
    play.textContent = "Play";
    move(position);
    settled();
  }

  // The address keeps where the user stopped; nothing is sent while the position moves.
  function settled() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (!playing && position !== reported) report((reported = position));
    }, 300);
  }

  play.onclick = () => (playing ? stop() : start());
  toggle.onchange = () => (patches.style.display = toggle.checked ? "" : "none");
  slider.oninput = () => {
    if (playing) stop();
    clearTimeout(timer);
    move(Number(slider.value));
  };
  slider.onchange = settled;
  const seek = (event) => move((FULL * (event.clientX - chart.getBoundingClientRect().left - layout.left)) / layout.width);
  chart.onpointerdown = (event) => {
    chart.setPointerCapture(event.pointerId);
    if (playing) stop();
    clearTimeout(timer);
    seek(event);
  };
  chart.onpointermove = (event) => chart.hasPointerCapture(event.pointerId) && seek(event);
  chart.onpointerup = settled;
  root.onkeydown = (event) => {
    const stride = event.shiftKey ? FULL / steps() : FULL / 100;
    const to = {
      ArrowLeft: position - stride, ArrowDown: position - stride, ArrowRight: position + stride, ArrowUp: position + stride,
      PageDown: position - FULL / 10, PageUp: position + FULL / 10, Home: 0, End: FULL,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      if (playing) stop();
      move(to);
      settled();
    } else if (event.key === " " && event.target === slider) {
      event.preventDefault();
      play.click();
    }
  };
  new ResizeObserver(() => {
    if (!data) return;
    drawChart();
    drawPosition();
  }).observe(panel);

  // uint8 RGB -> one uint32 a pixel, as a canvas holds it.
  function rgba(base64) {
    const rgb = bytes(base64);
    const made = new Uint32Array(rgb.length / 3);
    for (let i = 0; i < made.length; i++) {
      made[i] = (0xff000000 | (rgb[3 * i + 2] << 16) | (rgb[3 * i + 1] << 8) | rgb[3 * i]) >>> 0;
    }
    return made;
  }

  function picture(size) {
    const image = new ImageData(size, size);
    image.data32 = new Uint32Array(image.data.buffer);
    return image;
  }

  function update(given, tell) {
    const isOther = given.key !== data?.key;
    data = given;
    report = tell;
    if (isOther) {
      position = reported = Math.min(FULL, Math.max(0, data.at));
      if (playing) stop();
    }
    const { size } = data;
    for (const { canvas } of [probe, map, reference]) canvas.width = canvas.height = size;
    pixels = { start: rgba(data.start), end: rgba(data.end), shown: picture(size), veil: picture(size) };
    reach = new Int32Array(bytes(data.ranks).buffer);
    const other = picture(size);
    other.data32.set(rgba(data.reference));
    reference.canvas.getContext("2d").putImageData(other, 0, 0);
    reference.box.setAttribute("aria-label", "Aligned crop of the reference");
    grey.src = data.grey;
    layer.src = data.layer;
    layer.style.opacity = data.opacity;
    map.caption.textContent = `${data.title} map`;
    map.box.setAttribute("aria-label", `${data.title} map of the probe, which orders the pixels`);
    probe.caption.textContent = data.probeTitle;
    outlines.style.display = data.outline ? "" : "none";
    patches.setAttribute("viewBox", `0 0 ${size} ${size}`);
    patches.replaceChildren();
    if (data.outline) {
      for (const name of ["under", "over"]) shape("path", { class: name, d: data.outline }, patches);
    }
    drawLegend();
    drawChart();
    dirty = true;
    wake();
  }

  return { update, rest: () => { cancelAnimationFrame(frame); frame = 0; } };
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".replay");
  root.view ??= build(root);
  root.view.update(data, (at) => setStateValue("at", at));
  return root.view.rest;
}
