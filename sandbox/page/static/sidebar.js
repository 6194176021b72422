// The list of channels and direct messages, and who one is.

import { append, avatar, byId, el, icon, ICONS, remake } from "./dom.js";
import { act, become, me, on, openChannel, state, tell } from "./store.js";

const LANGUAGES = { "en-US": "English", "en-GB": "English, UK", de: "Deutsch", fr: "Français", "es-ES": "Español", "es-419": "Español, LATAM", "pt-BR": "Português, BR" };

// Each part is filled on its own, and the list of languages is one element: it may be open when something comes.
const guildName = el("div.guild");
const channelList = el("div.channel-list");
const people = el("div.people-row", { role: "radiogroup", "aria-label": "Write as" });
const myself = el("div.myself");
const language = el("select.language", { "aria-label": "Language of Discord", title: "Language of Discord", onchange: () => act("language", { locale: language.value }) });

function show() {
  const mine = me();
  remake(guildName, el("span.guild-mark", { "aria-hidden": "true" }, "🎨"), state.guild?.name ?? "…");
  remake(people, [...state.users.values()].filter((u) => !u.bot).map(person));
  remake(myself, avatar(mine, 32), el("div", {}, el("strong", {}, mine?.display ?? ""), el("small", {}, mine?.admin ? "manages the server" : "member")));
  if (mine) language.value = mine.locale;
  showChannels();
}

function showChannels() {
  const guild = state.channels.filter((c) => c.kind === "guild_text");
  const direct = state.channels.filter((c) => c.kind !== "guild_text");
  remake(channelList, el("h3", {}, "Text channels"), guild.map(entry), el("h3", {}, "Direct messages"), direct.map(entry));
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
  append(language, Object.entries(LANGUAGES).map(([locale, name]) => el("option", { value: locale }, name)));
  append(byId("sidebar"), [guildName, channelList, el("div.people", {}, el("h3", {}, "Write as"), people), el("div.me", {}, myself, language)]);
  on("state", show);
  on("channel", showChannels);
  on("unread", showChannels);
}
