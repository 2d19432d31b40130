// Five points over a photograph; each can be dragged or moved with the arrow keys.

export default function ({ data, parentElement, setTriggerValue }) {
  const picker = parentElement.querySelector(".picker");
  const points = data.points.map(([x, y]) => ({ x, y }));
  const stage = document.createElement("div");
  stage.className = "stage";
  const picture = document.createElement("img");
  picture.src = data.picture;
  picture.alt = `Photograph ${data.photo}, on which the landmarks are placed`;
  picture.draggable = false;
  stage.append(picture);

  points.forEach((point, index) => {
    const handle = document.createElement("button");
    handle.type = "button";
    handle.className = "point";
    handle.textContent = index + 1;
    const place = (x, y) => {
      point.x = Math.min(data.width, Math.max(0, x));
      point.y = Math.min(data.height, Math.max(0, y));
      handle.style.left = `${(100 * point.x) / data.width}%`;
      handle.style.top = `${(100 * point.y) / data.height}%`;
      handle.setAttribute("aria-label", `${data.names[index]}, x ${Math.round(point.x)}, y ${Math.round(point.y)}`);
      handle.title = data.names[index];
    };
    place(point.x, point.y);
    handle.onpointerdown = (event) => handle.setPointerCapture(event.pointerId);
    handle.onpointermove = (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const area = stage.getBoundingClientRect();
      place(((event.clientX - area.left) / area.width) * data.width,
            ((event.clientY - area.top) / area.height) * data.height);
    };
    handle.onkeydown = (event) => {
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!move) return;
      event.preventDefault();
      const stride = event.shiftKey ? 10 : 1;
      place(point.x + move[0] * stride, point.y + move[1] * stride);
    };
    stage.append(handle);
  });

  const use = document.createElement("button");
  use.type = "button";
  use.className = "use";
  use.textContent = "Use these landmarks";
  use.onclick = () => setTriggerValue("points", points.map(({ x, y }) => [x, y]));
  const key = document.createElement("span");
  key.textContent = data.names.map((name, index) => `${index + 1} ${name}`).join(" · ");
  const bar = document.createElement("div");
  bar.className = "bar";
  bar.append(use, key);
  picker.replaceChildren(stage, bar);
}
