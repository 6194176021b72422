// Message components: rows of buttons and selects, and the layouts of Components V2.

import { el } from "./dom.js";
import { markdown } from "./markdown.js";
import { fileCard, gallery, media, spoilered } from "./media.js";
import { openModal } from "./modal.js";
import { choices, emojiText, multiSelect, singleSelect } from "./selects.js";
import { act } from "./store.js";

const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link", 6: "primary" };

/** All components of a message. */
export function components(message) {
  return message.components.map((component) => one(message, component));
}

function one(message, component) {
  switch (component.type) {
    case 1:
      return el("div.row", {}, component.components.map((c) => one(message, c)));
    case 2:
      return button(message, component);
    case 3:
    case 5:
    case 6:
    case 7:
    case 8:
      return select(message, component);
    case 9:
      return el("div.section", {}, el("div.section-text", {}, component.components.map((c) => one(message, c))), one(message, component.accessory));
    case 10:
      return markdown(component.content);
    case 11:
      return el("div.thumbnail", {}, picture(message, component));
    case 12:
      return gallery(component.items.map((item, index) => picture(message, item, index)));
    case 13:
      return spoilered(`${message.id}/${component.id}`, component.spoiler, fileCard(component.file, component.name ?? "file", component.size));
    case 14:
      return el(`hr.separator.spacing-${component.spacing ?? 1}${component.divider === false ? ".invisible" : ""}`);
    case 17:
      return container(message, component);
    default:
      return el("div.unknown", {}, `component of type ${component.type}`);
  }
}

function picture(message, item, index = 0) {
  const key = `${message.id}/picture${index}`;
  return media(item.media, { key, description: item.description ?? "", spoiler: item.spoiler });
}

function container(message, component) {
  const hasAccent = component.accent_color !== undefined && component.accent_color !== null;
  const style = hasAccent ? `--accent:#${component.accent_color.toString(16).padStart(6, "0")}` : "";
  const box = el(`div.container${hasAccent ? ".accented" : ""}`, { style }, component.components.map((c) => one(message, c)));
  return spoilered(`${message.id}/${component.id}`, component.spoiler, box);
}

function button(message, component) {
  const label = [
    component.emoji && el("span.emoji", {}, emojiText(component.emoji)),
    component.label && el("span", {}, component.label),
  ];
  const name = `button.button.${STYLES[component.style]}`;
  if (component.style === 5) {
    return el(`a.button.link`, { href: component.url, target: "_blank", rel: "noreferrer" }, label, el("span.out", { "aria-hidden": "true" }, "↗"));
  }
  const properties = {
    type: "button",
    disabled: component.disabled,
    dataset: { customId: component.custom_id ?? "" },
    "aria-label": component.label ?? emojiText(component.emoji),
  };
  const element = el(name, properties, label);
  element.addEventListener("click", () => use(element, message, { custom_id: component.custom_id }));
  return element;
}

/** Send a component's interaction and show what comes of it. */
async function use(element, message, payload) {
  element.classList.add("busy");
  element.setAttribute("aria-busy", "true");
  note(message.id, "");
  try {
    const answer = await act("component", { channel: message.channel_id, message: message.id, ...payload });
    if (!answer.acknowledged) note(message.id, "This interaction failed");
    else if (answer.modal) openModal(answer);
  } catch (error) {
    note(message.id, error.message);
  } finally {
    element.classList.remove("busy");
    element.removeAttribute("aria-busy");
  }
}

/** A line in red under a message's components. */
function note(id, text) {
  const line = document.querySelector(`[data-id="${id}"] .component-note`);
  if (line) line.textContent = text;
}

function select(message, component) {
  const options = choices(component);
  const chosen = defaults(component, options);
  const placeholder = component.placeholder ?? "Make a selection";
  const single = (component.max_values ?? 1) === 1 && (component.min_values ?? 1) === 1;
  const send = (element, values) => use(element, message, { custom_id: component.custom_id, values });
  if (single) {
    const menu = singleSelect(options, placeholder, chosen, component);
    menu.addEventListener("change", () => send(menu, [menu.value]));
    return menu;
  }
  return multiSelect(options, placeholder, chosen, component, send);
}

function defaults(component, options) {
  const ids = (component.default_values ?? []).map((d) => d.id);
  return options.filter((o) => o.default || ids.includes(o.value)).map((o) => o.value);
}
