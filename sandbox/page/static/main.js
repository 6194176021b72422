// Start of the page: the header, the theme, and the parts that listen to the store.

import { byId, el, icon, ICONS, remake } from "./dom.js";
import { startComposer } from "./composer.js";
import { startLog } from "./log.js";
import { countDown } from "./markdown.js";
import { panelOpen, startPanel, toggle } from "./panel.js";
import { startSidebar } from "./sidebar.js";
import { channel, connect, on, state, tell } from "./store.js";

let unseenViolation = false;

function header() {
  const here = channel();
  if (!here) return;
  const status = !state.online ? "The sandbox is gone; waiting for it" : state.connected ? "Bot online" : "Bot offline";
  const mood = !state.online ? "gone" : state.connected ? "ok" : "off";
  remake(
    byId("header"),
    el("button.icon-button.drawer-button", { type: "button", "aria-label": "Channels", "aria-expanded": String(document.body.classList.contains("drawer-open")), onclick: () => tell("drawer") }, icon(ICONS.menu)),
    icon(here.kind === "guild_text" ? ICONS.hash : ICONS.at, 22),
    el("h1", {}, here.kind === "dm" ? "Atelier" : here.name),
    here.topic && el("span.topic", {}, here.topic),
    el("span.spacer"),
    state.clockShift ? el("span.shift", { title: "The sandbox's clock is ahead" }, `+${Math.round(state.clockShift / 60)} min`) : null,
    el(`span.bot-state.${mood}`, { role: "status" }, status),
    el("button.icon-button", { type: "button", "aria-label": "Light or dark", title: "Light or dark", onclick: switchTheme }, icon(ICONS.moon)),
    el(`button.icon-button.panel-button${panelOpen() ? ".current" : ""}`, { type: "button", "aria-label": "Traffic", title: "Traffic", "aria-expanded": String(panelOpen()), onclick: () => toggle() }, icon(ICONS.panel), el("span.dot", { id: "violation-dot", hidden: !unseenViolation })),
  );
}

function switchTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const current = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  const next = current === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem("sandbox-theme", next);
}

const theme = localStorage.getItem("sandbox-theme");
if (theme) document.documentElement.dataset.theme = theme;

on("state", header);
on("channel", header);
on("gateway", header);
on("online", header);
on("panel", (open) => {
  if (open) unseenViolation = false;
  header();
});
on("violation", () => {
  unseenViolation = true;
  byId("violation-dot")?.removeAttribute("hidden");
});
/** The list of channels in a narrow window; the keyboard goes with it. */
function drawer(open) {
  const was = document.body.classList.contains("drawer-open");
  const now = document.body.classList.toggle("drawer-open", open);
  const button = document.querySelector(".drawer-button");
  button?.setAttribute("aria-expanded", String(now));
  if (now) document.querySelector(".channel.current")?.focus();
  else if (was && byId("sidebar").contains(document.activeElement)) button?.focus();
}

on("drawer", drawer);
startSidebar();
startLog();
startComposer();
startPanel();
connect();
setInterval(countDown, 1000);
for (const id of ["log", "composer"]) byId(id).addEventListener("click", () => drawer(false));
byId("sidebar").addEventListener("keydown", (event) => event.key === "Escape" && drawer(false));
addEventListener("keydown", (event) => {
  // The sign itself is then written where the focus is.
  if (event.key === "/" && event.target === document.body) byId("composer-text")?.focus();
});
