// Select menus, of messages and of modals: what they offer, and their elements.

import { el } from "./dom.js";
import { state } from "./store.js";

export function emojiText(emoji) {
  if (!emoji) return "";
  return emoji.id ? `:${emoji.name}:` : emoji.name;
}

/** What a select menu offers: its own options, or users, roles and channels. */
export function choices(component) {
  const users = [...state.users.values()].map((u) => ({ value: u.id, label: u.display }));
  const roles = state.roles.map((r) => ({ value: r.id, label: r.name }));
  switch (component.type) {
    case 3:
      return component.options;
    case 5:
      return users;
    case 6:
      return roles;
    case 7:
      return [...users, ...roles];
    default:
      return state.channels.filter((c) => c.kind === "guild_text").map((c) => ({ value: c.id, label: `#${c.name}` }));
  }
}

export function singleSelect(options, placeholder, chosen, component) {
  const shown = chosen[0] ?? "";
  return el(
    "select.select",
    { disabled: component.disabled, "aria-label": placeholder, dataset: { customId: component.custom_id } },
    el("option", { value: "", selected: !shown, disabled: true, hidden: true }, placeholder),
    options.map((o) => el("option", { value: o.value, selected: o.value === shown }, [emojiText(o.emoji), o.label, o.description ? `— ${o.description}` : ""].filter(Boolean).join(" "))),
  );
}

export function multiSelect(options, placeholder, chosen, component, send) {
  const least = component.min_values ?? 1;
  const most = component.max_values ?? options.length;
  const boxes = options.map((o) => el("input", { type: "checkbox", value: o.value, checked: chosen.includes(o.value) ? "checked" : null }));
  const values = () => boxes.filter((b) => b.checked).map((b) => b.value);
  let sent = values();
  const labels = options.map((o, i) => el("label.choice", {}, boxes[i], el("span", {}, [emojiText(o.emoji), o.label].filter(Boolean).join(" "), o.description && el("small", {}, o.description))));
  const apply = send && el("button.button.primary", { type: "button", onclick: (event) => ((sent = values()), send(event.target, values())) }, "Apply");
  const words = () => options.filter((o) => values().includes(o.value)).map((o) => o.label).join(", ") || placeholder;
  const summary = el("summary", {}, words());
  const check = () => {
    const count = values().length;
    for (const b of boxes) b.disabled = !b.checked && count >= most;
    if (apply) apply.disabled = count < least;
    summary.textContent = words();
  };
  const details = el("details.multi", { dataset: { customId: component.custom_id }, onchange: check }, summary, el("div.choices", {}, labels, apply));
  details.values = values;
  /** What is chosen and not yet sent, if anything. */
  details.unsent = () => (String(values()) === String(sent) ? null : values());
  details.choose = (wanted) => {
    for (const b of boxes) b.checked = wanted.includes(b.value);
    check();
  };
  check();
  return details;
}
