// The box at the bottom: plain messages, and the way into slash commands.

import { byId, el, icon, ICONS, replace } from "./dom.js";
import { fileChip, takeDrops, withinLimit } from "./files.js";
import { commandForm } from "./options.js";
import { act, channel, commands, described, named, on, spoken, state } from "./store.js";
import { toast } from "./toast.js";

let files = [];
let active = null; // the command being filled in
let entries = [];
let highlighted = 0;

const text = () => byId("composer-text");

/** Every command that can be used here, subcommands with their whole names. */
function leaves() {
  const found = [];
  const visit = (name, command, options) => {
    const subs = (options ?? []).filter((o) => o.type === 1 || o.type === 2);
    if (subs.length) for (const sub of subs) visit(`${name} ${sub.name}`, sub, sub.options);
    else found.push({ name, shown: spoken(name), description: described(command), options: options ?? [] });
  };
  for (const command of commands(1)) visit(command.name, command, command.options);
  return found.sort((a, b) => a.shown.localeCompare(b.shown));
}

function placeholder() {
  const here = channel();
  return `Message ${here.kind === "guild_text" ? "#" : "@"}${here.kind === "dm" ? "Atelier" : here.name} — type / for commands`;
}

/** Follow the channel, the user and the commands; what is being written stays as it is. */
function refresh() {
  if (!channel() || active) return;
  if (!text()) return show();
  text().placeholder = placeholder();
  if (byId("palette").hidden) return;
  const { name } = entries[highlighted] ?? {};
  onInput();
  mark(Math.max(0, entries.findIndex((c) => c.name === name)));
}

function show() {
  const box = byId("composer");
  if (!channel()) return;
  active = null;
  const input = el("textarea.composer-text", {
    id: "composer-text",
    rows: 1,
    placeholder: placeholder(),
    "aria-label": "Message",
    "aria-autocomplete": "list",
    "aria-controls": "palette",
    oninput: onInput,
    onkeydown: onKey,
    onpaste: onPaste,
  });
  const attach = el("input", { type: "file", multiple: true, hidden: true, onchange: (event) => addFiles([...event.target.files]) });
  replace(
    box,
    el("div.palette", { id: "palette", role: "listbox", "aria-label": "Commands", hidden: true }),
    el("div.composer-files", { id: "composer-files" }),
    el(
      "div.composer-row",
      {},
      el("button.icon-button", { type: "button", "aria-label": "Attach files", title: "Attach files", onclick: () => attach.click() }, icon(ICONS.plus, 22)),
      input,
      el("button.icon-button.slash-button", { type: "button", "aria-label": "Commands", title: "Commands", onclick: openPalette }, "/"),
      el("button.icon-button", { type: "submit", "aria-label": "Send", title: "Send" }, icon(ICONS.send, 20)),
    ),
    attach,
  );
  box.onsubmit = (event) => (event.preventDefault(), send());
  showFiles();
}

function openPalette() {
  text().value = "/";
  text().focus();
  onInput();
}

function onInput() {
  const input = text();
  input.style.height = "auto";
  input.style.height = `${Math.min(200, input.scrollHeight)}px`;
  const typed = input.value;
  if (typed.startsWith("/") && !typed.includes("\n")) showPalette(typed.slice(1).toLowerCase());
  else hidePalette();
}

function showPalette(typed) {
  const all = leaves();
  const names = (c) => [c.shown, c.name];
  const begins = all.filter((c) => names(c).some((name) => name.startsWith(typed)));
  entries = [...begins, ...all.filter((c) => !begins.includes(c) && names(c).some((name) => name.includes(typed)))];
  highlighted = 0;
  const palette = byId("palette");
  palette.hidden = false;
  replace(
    palette,
    el("div.palette-title", {}, el("span.avatar.bot", { style: "--size:20px;--color:#5865f2" }, "A"), "Atelier"),
    entries.length
      ? entries.map((c, index) =>
          el(
            "div.palette-item",
            { role: "option", id: `command-${index}`, onmousedown: (event) => (event.preventDefault(), choose(c)) },
            el("div.palette-name", {}, `/${c.shown}`, el("span.palette-options", {}, c.options.filter((o) => o.required).map((o) => el("i", {}, named(o))))),
            el("div.palette-words", {}, c.description),
          ),
        )
      : el("div.palette-empty", {}, state.connected ? "No matching command." : "The bot is not connected."),
  );
  mark(0);
}

function mark(index) {
  const items = byId("palette").querySelectorAll(".palette-item");
  highlighted = (index + items.length) % Math.max(1, items.length);
  items.forEach((item, i) => item.setAttribute("aria-selected", i === highlighted));
  items[highlighted]?.scrollIntoView({ block: "nearest" });
  if (items.length) text().setAttribute("aria-activedescendant", `command-${highlighted}`);
}

function hidePalette() {
  const palette = byId("palette");
  if (palette) palette.hidden = true;
  text()?.removeAttribute("aria-activedescendant");
}

function onKey(event) {
  const open = !byId("palette").hidden;
  if (open && event.key === "ArrowDown") mark(highlighted + 1);
  else if (open && event.key === "ArrowUp") mark(highlighted - 1);
  else if (open && (event.key === "Enter" || event.key === "Tab") && entries.length) choose(entries[highlighted]);
  else if (open && event.key === "Escape") hidePalette();
  else if (event.key === "Enter" && !event.shiftKey) send();
  else if (event.key === "ArrowUp" && !text().value) byId("log").querySelector("article:last-of-type")?.focus();
  else return;
  event.preventDefault();
}

function choose(command) {
  active = command;
  const pending = files;
  files = [];
  const form = commandForm(command, { files: pending, cancel: back });
  replace(byId("composer"), form.element);
  byId("composer").onsubmit = async (event) => {
    event.preventDefault();
    if ((await form.submit()) && form.element.isConnected) back();
  };
  form.focus();
}

function back() {
  show();
  text().focus();
}

function addFiles(more) {
  files = [...files, ...withinLimit(more, state.uploadLimit)].slice(0, 10);
  showFiles();
  text()?.focus();
}

function showFiles() {
  byId("composer-files")?.replaceChildren(...files.map((file) => fileChip(file, () => ((files = files.filter((f) => f !== file)), showFiles()))));
}

function onPaste(event) {
  if (!event.clipboardData.files.length) return;
  event.preventDefault();
  addFiles([...event.clipboardData.files]);
}

async function send() {
  const content = text().value.trim();
  if (!content && !files.length) return;
  if (content.startsWith("/")) {
    const exact = leaves().find((c) => [c.shown, c.name].includes(content.slice(1)));
    if (exact) return choose(exact);
  }
  const sending = files;
  write("", []);
  try {
    await act("post", { content }, { files: sending });
  } catch (error) {
    toast(error.message, "bad");
    if (text() && !text().value && !files.length) write(content, sending);
  }
}

function write(content, chosen) {
  files = chosen;
  text().value = content;
  onInput();
  showFiles();
}

export function startComposer() {
  on("channel", () => (active ? show() : refresh()));
  on("state", refresh);
  on("gateway", refresh);
  const chat = document.querySelector(".chat");
  takeDrops(chat, (dropped) => {
    const form = byId("composer").querySelector(".command-form");
    if (form) form.takeFiles(dropped);
    else addFiles(dropped);
  });
}
