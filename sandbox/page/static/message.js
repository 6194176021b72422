// One message: who wrote it, what it answers, its content and its menu.

import { append, avatar, byId, el, icon, ICONS } from "./dom.js";
import { components } from "./components.js";
import { isEphemeral, LOADING, V2 } from "./flags.js";
import { inline, markdown } from "./markdown.js";
import { attachments, embed } from "./media.js";
import { openMenu, removeMessage } from "./menu.js";
import { spoken, state, user } from "./store.js";

function clockTime(iso) {
  const date = new Date(iso);
  const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" }).format(date);
  const today = new Date().toDateString() === date.toDateString();
  const day = today ? "Today at" : new Intl.DateTimeFormat("en-GB", { dateStyle: "short" }).format(date);
  return el("time.stamp", { dateTime: iso, title: date.toLocaleString("en") }, `${day} ${time}`);
}

/** The line above a message: who used which command, or what it replies to. */
function above(message) {
  const used = message.used;
  if (used?.kind === 2 && used.command && !message.message_reference) {
    const who = user(used.by);
    return el("div.above", {}, avatar(who, 16), el("span.name", { style: `--color:${who?.color}` }, who?.display ?? "someone"), " used ", el("span.command", {}, `/${spoken(used.command)}`.replace(/^\/(?=[A-Z])/, "")));
  }
  const replied = message.referenced_message;
  if (!replied) return null;
  const who = user(replied.author.id);
  const words = replied.content || "Click to see the message";
  return el(
    "button.above.jump",
    { type: "button", onclick: () => jump(replied.id) },
    avatar(who, 16),
    el("span.name", { style: `--color:${who?.color}` }, who?.display ?? "someone"),
    el("span.excerpt", {}, inline(words.split("\n")[0].slice(0, 90))),
  );
}

function jump(id) {
  const element = document.querySelector(`[data-id="${id}"]`);
  if (!element) return;
  element.scrollIntoView({ block: "center", behavior: "smooth" });
  element.classList.add("flash");
  setTimeout(() => element.classList.remove("flash"), 1500);
}

function body(message) {
  if (message.flags & LOADING) {
    const name = user(message.author.id)?.display ?? "The app";
    return el("div.thinking", {}, el("span.dots", { "aria-hidden": "true" }, el("i"), el("i"), el("i")), `${name} is thinking…`);
  }
  const box = el("div.body");
  if (message.content) {
    const text = markdown(message.content);
    if (message.edited_timestamp && !message.used) text.lastElementChild?.append(el("span.edited", {}, " (edited)"));
    box.append(text);
  }
  if (!(message.flags & V2)) {
    append(box, [attachments(message), message.embeds.map((data, index) => embed(message, data, index))]);
  }
  append(box, [components(message)]);
  box.append(el("div.component-note", { role: "alert" }));
  return box;
}

function foot(message, dismiss) {
  if (!isEphemeral(message)) return null;
  return el("div.only-you", {}, icon(ICONS.eye, 14), "Only you can see this · ", el("button.as-link", { type: "button", onclick: dismiss }, "Dismiss message"));
}

/** The element of a message; `joined` follows one of the same author. */
export function messageElement(message, { joined = false } = {}) {
  const author = user(message.author.id) ?? { display: message.author.username, color: "#747f8d", bot: message.author.bot };
  const over = above(message);
  const compact = joined && !over;
  const menu = (event) => openMenu(event, message);
  const tools = el("div.tools", {}, el("button", { type: "button", title: "More and apps", "aria-label": "Message menu", "aria-haspopup": "menu", onclick: menu }, icon(ICONS.more)));
  const head = el("div.head", {}, el("span.name", { style: `--color:${author.color}` }, author.display), author.bot && el("span.badge", {}, "APP"), clockTime(message.timestamp));
  const dismiss = () => removeMessage(message);
  const classes = [compact && "compact", isEphemeral(message) && "ephemeral", author.bot && "by-bot", message.mentions.some((m) => m.id === state.me) && "mentioned"].filter(Boolean);
  return el(
    ["article", "message", ...classes].join("."),
    { dataset: { id: message.id, author: message.author.id }, tabIndex: 0, "aria-label": `Message by ${author.display}`, oncontextmenu: menu, onkeydown: (event) => onKey(event, message) },
    over,
    compact ? el("span.gutter", { "aria-hidden": "true" }, clockTime(message.timestamp).textContent.split(" ").at(-1)) : avatar(author),
    el("div.content", {}, !compact && head, body(message), foot(message, dismiss)),
    tools,
  );
}

function onKey(event, message) {
  const element = event.currentTarget;
  if (event.target !== element) return;
  if (event.key === "Enter" || event.key === "ContextMenu") openMenu(event, message);
  else if (event.key === "ArrowUp") focusNear(element, "previousElementSibling");
  else if (event.key === "ArrowDown") focusNear(element, "nextElementSibling");
  else return;
  event.preventDefault();
}

function focusNear(element, direction) {
  let next = element[direction];
  while (next && !next.matches("article")) next = next[direction];
  if (next) next.focus();
  else if (direction === "nextElementSibling") byId("composer-text")?.focus();
}
