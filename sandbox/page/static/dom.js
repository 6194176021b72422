// Small helpers for making elements; everything on the page is built with `el`.

/**
 * Make an element: el("button.primary", {onclick: f, "aria-label": "x"}, "text", child, …).
 * Properties that the element knows are set as such, all others as attributes; false and null
 * leave an attribute out, true sets it empty.
 */
export function el(spec, properties = {}, ...children) {
  const [tag, ...classes] = spec.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "style") element.style.cssText = value;
    else if (name in element && typeof value !== "boolean" && !name.includes("-") && name !== "list" && name !== "width" && name !== "height") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

export function replace(element, ...children) {
  element.replaceChildren();
  return append(element, children);
}

/** Make what is in an element anew; what had the focus there has it afterwards. */
export function remake(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  const alike = (wanted) => [...element.querySelectorAll(wanted.localName)].filter((each) => nameOf(each) === nameOf(wanted));
  const place = focused && alike(focused).indexOf(focused);
  replace(element, ...children);
  if (focused) alike(focused)[place]?.focus({ preventScroll: true });
  return element;
}

const nameOf = (element) => element.id || element.getAttribute("aria-label") || (element.closest("label") ?? element).textContent;

export const byId = (id) => document.getElementById(id);

/** A glyph drawn from an SVG path of a 24 × 24 grid. */
export function icon(path, size = 20) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("width", size);
  svg.setAttribute("height", size);
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("d", path);
  shape.setAttribute("fill", "currentColor");
  svg.append(shape);
  return svg;
}

export const ICONS = {
  hash: "M9.3 3 8.6 7H4v2h4.3l-.9 6H3v2h4.1l-.7 4h2l.7-4h5l-.7 4h2l.7-4H20v-2h-3.6l.9-6H21V7h-3.4l.7-4h-2l-.7 4h-5l.7-4zm.9 6h5l-.9 6h-5z",
  at: "M12 2a10 10 0 1 0 5 18.7l-1-1.7a8 8 0 1 1 4-7c0 1.9-.7 3-2 3s-1.500-.8-1.500-2V8h-2v.9A4.500 4.500 0 1 0 15 15.500c.7.900 1.700 1.500 3 1.500 2.500 0 4-2 4-5A10 10 0 0 0 12 2m0 12.500a2.500 2.500 0 1 1 0-5 2.500 2.500 0 0 1 0 5",
  plus: "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z",
  close: "m6.400 5 5.600 5.600L17.600 5 19 6.400 13.400 12l5.600 5.600-1.400 1.400-5.600-5.600L6.400 19 5 17.600l5.600-5.600L5 6.400z",
  more: "M5 10a2 2 0 1 1 0 4 2 2 0 0 1 0-4m7 0a2 2 0 1 1 0 4 2 2 0 0 1 0-4m7 0a2 2 0 1 1 0 4 2 2 0 0 1 0-4",
  panel: "M3 5h18v2H3zm0 6h12v2H3zm0 6h18v2H3zM17 9l4 3-4 3z",
  menu: "M3 6h18v2H3zm0 5h18v2H3zm0 5h18v2H3z",
  moon: "M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9",
  upload: "M11 16V8l-3 3-1.400-1.400L12 4l5.400 5.600L16 11l-3-3v8zm-6 2h14v2H5z",
  eye: "M12 5C6 5 2 12 2 12s4 7 10 7 10-7 10-7-4-7-10-7m0 11a4 4 0 1 1 0-8 4 4 0 0 1 0 8",
  file: "M6 2h8l5 5v15H6zm7 1.500V8h4.500z",
  send: "M3 3l19 9-19 9 3-8 9-1-9-1z",
};

/** An avatar: the first letter of the name on the user's color. */
export function avatar(user, size = 40) {
  const letter = (user?.display ?? "?").slice(0, 1).toUpperCase();
  const style = `--size:${size}px;--color:${user?.color ?? "#747f8d"}`;
  return el(`span.avatar${user?.bot ? ".bot" : ""}`, { style, "aria-hidden": "true" }, letter);
}
