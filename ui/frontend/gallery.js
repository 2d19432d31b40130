// Cards of pairs and a pager. Python makes the pictures and the words; here they are laid out and driven by keyboard.

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  Object.assign(element, properties);
  element.append(...children);
  return element;
}

function outlined(path, size) {
  const holder = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  holder.setAttribute("viewBox", `0 0 ${size} ${size}`);
  holder.setAttribute("aria-hidden", "true");
  for (const name of ["under", "over"]) {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", path);
    line.setAttribute("class", name);
    holder.append(line);
  }
  return holder;
}

function face(spec) {
  const box = make("div", { className: "face" });
  if (spec.picture) {
    box.append(make("img", { src: spec.picture, alt: spec.alt, draggable: false }));
    if (spec.outline) box.append(outlined(spec.outline, spec.size));
  } else {
    box.append(spec.alt);
  }
  return make("figure", {}, box, make("figcaption", { textContent: spec.name }));
}

export default function ({ data, parentElement, setTriggerValue }) {
  const gallery = parentElement.querySelector(".gallery");
  const focused = (gallery.getRootNode().activeElement ?? document.activeElement)?.dataset?.key;

  function turnTo(page, focusNext) {
    if (page < 1 || page > data.pages || page === data.page) return;
    if (focusNext) gallery.dataset.focusNext = focusNext;
    gallery.setAttribute("aria-busy", "true");
    setTriggerValue("page", page);
  }

  function card(spec, index) {
    const outcome = make("div", { className: "outcome", textContent: spec.outcome });
    outcome.dataset.tone = spec.tone;
    const links = spec.places.map((place, number) => {
      const link = make("a", { href: place.href, textContent: place.title });
      link.setAttribute("aria-label", `${place.title}: ${spec.title}`);
      link.dataset.key = `${number} ${index}`;
      return link;
    });
    const item = make("li", { className: "card" }, make("div", { className: "faces" }, ...spec.faces.map(face)), outcome);
    item.dataset.pair = spec.id;
    item.dataset.index = index;
    item.append(make("div", { className: "numbers", textContent: spec.numbers }), make("div", { textContent: spec.label }));
    if (spec.doubt) item.append(make("div", { className: "doubt", textContent: spec.doubt }));
    item.append(make("div", { className: "actions" }, ...links));
    return item;
  }

  function pager(place) {
    const step = (title, page, key) => {
      const button = make("button", { type: "button", textContent: title, onclick: () => turnTo(page) });
      button.dataset.key = `${place} ${key}`;
      button.setAttribute("aria-disabled", String(page < 1 || page > data.pages));
      return button;
    };
    const input = make("input", { type: "number", min: 1, max: data.pages, value: data.page });
    input.dataset.key = `${place} number`;
    input.onchange = () => turnTo(Math.min(data.pages, Math.max(1, Math.round(Number(input.value) || 1))));
    const nav = make("nav", {}, step("Previous", data.page - 1, "previous"), make("label", {}, "Page", input),
                     `of ${data.pages.toLocaleString("en")}`, step("Next", data.page + 1, "next"),
                     make("span", { textContent: data.range }));
    nav.setAttribute("aria-label", `Pages, ${place} the pairs`);
    return nav;
  }

  const cards = data.cards.map(card);
  const list = make("ul", { className: "cards" }, ...cards);
  const focusCard = (index) => cards[index]?.querySelector("a")?.focus();
  list.onkeydown = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const current = Number(event.target.closest(".card").dataset.index);
    const columns = getComputedStyle(list).gridTemplateColumns.split(" ").length;
    const move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (move) {
      const next = current + move;
      if (next < 0) turnTo(data.page - 1, "last");
      else if (next >= cards.length) turnTo(data.page + 1, "first");
      else focusCard(next);
    } else if (event.key === "PageUp") turnTo(data.page - 1, "first");
    else if (event.key === "PageDown") turnTo(data.page + 1, "first");
    else if (event.key === "Home") focusCard(0);
    else if (event.key === "End") focusCard(cards.length - 1);
    else return;
    event.preventDefault();
  };

  const hint = make("p", { className: "hint", textContent: data.hint });
  gallery.replaceChildren(pager("above"), list, pager("below"), hint);
  gallery.removeAttribute("aria-busy");
  gallery.dataset.page = data.page;
  const focusNext = gallery.dataset.focusNext;
  delete gallery.dataset.focusNext;
  if (focusNext) focusCard(focusNext === "last" ? cards.length - 1 : 0);
  else if (focused) gallery.querySelector(`[data-key="${focused}"]`)?.focus();
}
