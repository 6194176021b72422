// The list of channels and direct messages, and who one is.

import { avatar, byId, el, icon, ICONS, replace } from "./dom.js";
import { act, become, me, on, openChannel, state, tell } from "./store.js";

function show() {
  const guild = state.channels.filter((c) => c.kind === "guild_text");
  const direct = state.channels.filter((c) => c.kind !== "guild_text");
  const mine = me();
  replace(
    byId("sidebar"),
    el("div.guild", {}, el("span.guild-mark", { "aria-hidden": "true" }, "🎨"), state.guild?.name ?? "…"),
    el("div.channel-list", {}, el("h3", {}, "Text channels"), guild.map(entry), el("h3", {}, "Direct messages"), direct.map(entry)),
    el(
      "div.people",
      {},
      el("h3", {}, "Write as"),
      el("div.people-row", { role: "radiogroup", "aria-label": "Write as" }, [...state.users.values()].filter((u) => !u.bot).map(person)),
    ),
    el("div.me", {}, avatar(mine, 32), el("div", {}, el("strong", {}, mine?.display ?? ""), el("small", {}, mine?.admin ? "manages the server" : "member")), languages(mine)),
  );
}

const LANGUAGES = { "en-US": "English", de: "Deutsch", fr: "Français", "es-ES": "Español" };

/** In which language the current user uses Discord. */
function languages(mine) {
  const choice = (locale) => el("option", { value: locale, selected: locale === mine?.locale }, LANGUAGES[locale]);
  const use = (event) => act("language", { locale: event.target.value });
  return el("select.language", { "aria-label": "Language of Discord", title: "Language of Discord", onchange: use }, Object.keys(LANGUAGES).map(choice));
}

function entry(channel) {
  const current = channel.id === state.channel;
  const bot = state.users.get(state.bot);
  const mark = channel.kind === "guild_text" ? icon(ICONS.hash, 18) : channel.kind === "dm" ? avatar(bot, 22) : el("span.group-mark", { "aria-hidden": "true" }, "👥");
  const name = channel.kind === "dm" ? bot?.display : channel.name;
  const unread = state.unread.has(channel.id);
  return el(
    `button.channel${current ? ".current" : ""}${unread ? ".unread" : ""}`,
    { type: "button", "aria-current": current ? "page" : null, title: channel.topic || null, onclick: () => (openChannel(channel.id), tell("drawer", false)) },
    mark,
    el("span", {}, name),
    unread && el("span.pip", { "aria-label": "unread" }),
  );
}

function person(someone) {
  const current = someone.id === state.me;
  return el(
    `button.person${current ? ".current" : ""}`,
    { type: "button", role: "radio", "aria-checked": String(current), title: someone.admin ? `${someone.display} (manages the server)` : someone.display, dataset: { user: someone.name }, onclick: () => become(someone.name) },
    avatar(someone, 28),
    el("span", {}, someone.display),
  );
}

export function startSidebar() {
  on("state", show);
  on("channel", show);
  on("unread", show);
}
