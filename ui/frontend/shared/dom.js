// Making elements, in HTML and SVG.

const SVG = "http://www.w3.org/2000/svg";

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Partial<HTMLElementTagNameMap[Tag]>} properties
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  Object.assign(made, properties);
  made.append(...children);
  return made;
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 */
export function shape(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** A picture that is not dragged away, and without words of its own where what holds it is labelled. */
export function picture(source = "", alt = "") {
  return make("img", { src: source, alt, draggable: false });
}

/**
 * The outline of patches: light over dark, to be seen on any face.
 * @param {string} path
 */
export function outlineOf(path) {
  return ["under", "over"].map((name) => shape("path", { class: name, d: path }));
}

/**
 * The element that Python put there for the component.
 * @param {ParentNode} parent
 * @param {string} name
 */
export function rootOf(parent, name) {
  const found = parent.querySelector(`.${name}`);
  if (!(found instanceof HTMLElement)) throw new Error(`The page holds no element of class ${name}.`);
  return found;
}
