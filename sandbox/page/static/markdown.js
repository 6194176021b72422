// Discord's markdown as elements: no HTML is ever parsed, so nothing a bot writes can run.

import { el } from "./dom.js";
import { me, now, state, user } from "./store.js";

const INLINE = [
  [/^`([^`\n]+)`/, (m) => el("code", {}, m[1])],
  [/^\\([^\w\s])/, (m) => m[1]],
  [/^\*\*\*([^]+?)\*\*\*/, (m) => el("strong", {}, el("em", {}, inline(m[1])))],
  [/^\*\*([^]+?)\*\*(?!\*)/, (m) => el("strong", {}, inline(m[1]))],
  [/^__([^]+?)__(?!_)/, (m) => el("u", {}, inline(m[1]))],
  [/^~~([^]+?)~~/, (m) => el("s", {}, inline(m[1]))],
  [/^\|\|([^]+?)\|\|/, (m) => spoiler(m[1])],
  [/^\*(?!\s)([^*\n]+?)\*(?!\*)/, (m) => el("em", {}, inline(m[1]))],
  [/^_([^_\n]+?)_(?!\w)/, (m) => el("em", {}, inline(m[1]))],
  [/^<t:(-?\d+)(?::([tTdDfFR]))?>/, (m) => time(Number(m[1]), m[2] ?? "f")],
  [/^<@!?(\d+)>/, (m) => el("span.mention", {}, `@${user(m[1])?.display ?? "unknown-user"}`)],
  [/^<@&(\d+)>/, (m) => el("span.mention", {}, `@${role(m[1])}`)],
  [/^<#(\d+)>/, (m) => el("span.mention", {}, `#${channelName(m[1])}`)],
  [/^<\/([^:>]+):\d+>/, (m) => el("span.mention", {}, `/${m[1]}`)],
  [/^<a?:(\w+):\d+>/, (m) => `:${m[1]}:`],
  [/^\[([^\]\n]+)\]\(<?(https?:\/\/[^\s)>]+)>?\)/, (m) => link(m[2], inline(m[1]))],
  [/^<(https?:\/\/[^\s>]+)>/, (m) => link(m[1], m[1])],
  [/^https?:\/\/[^\s<]+[^\s<.,:;"')\]]/, (m) => link(m[0], m[0])],
];

const role = (id) => state.roles.find((r) => r.id === id)?.name ?? "role";
const channelName = (id) => state.channels.find((c) => c.id === id)?.name ?? "channel";

function link(href, children) {
  return el("a", { href, target: "_blank", rel: "noreferrer noopener" }, children);
}

function spoiler(text) {
  const reveal = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    span.classList.add("shown");
    span.removeAttribute("role");
    span.removeAttribute("aria-label");
  };
  const span = el(
    "span.spoiler-text",
    { role: "button", tabIndex: 0, "aria-label": "Spoiler, press to reveal", onclick: reveal, onkeydown: reveal },
    el("span", {}, inline(text)),
  );
  return span;
}

/** Inline markup of one piece of text. */
export function inline(text) {
  const out = [];
  let plain = "";
  let rest = text;
  while (rest) {
    const rule = "`\\*_~|<[h".includes(rest[0]) ? INLINE.find(([pattern]) => pattern.test(rest)) : null;
    if (rule && !(rest[0] === "_" && /\w$/.test(plain))) {
      if (plain) out.push(plain);
      plain = "";
      const match = rest.match(rule[0]);
      out.push(rule[1](match));
      rest = rest.slice(match[0].length);
    } else {
      plain += rest[0];
      rest = rest.slice(1);
    }
  }
  if (plain) out.push(plain);
  return out;
}

/** A whole text: headings, small print, quotes, lists, code blocks, paragraphs. */
export function markdown(text) {
  const box = el("div.markdown");
  for (const part of text.split(/(```[^]*?```)/)) {
    const code = part.match(/^```(?:([\w+-]+)\n)?([^]*?)```$/);
    if (code) box.append(el("pre", {}, el("code", {}, code[2].replace(/^\n|\n$/g, ""))));
    else lines(part, box);
  }
  return box;
}

function lines(text, box) {
  let paragraph = null;
  let list = null;
  for (const line of text.replace(/^\n|\n$/g, "").split("\n")) {
    const heading = line.match(/^(#{1,3}) (.+)/);
    const small = line.match(/^-# (.+)/);
    const quote = line.match(/^> (.*)/);
    const item = line.match(/^\s*(?:[-*]|\d+\.) (.+)/);
    if (!item) list = null;
    if (heading || small || quote || item) paragraph = null;
    if (heading) box.append(el(`h${heading[1].length + 2}.h${heading[1].length}`, {}, inline(heading[2])));
    else if (small) box.append(el("div.subtext", {}, inline(small[1])));
    else if (quote) box.append(el("blockquote", {}, inline(quote[1])));
    else if (item) {
      if (!list) box.append((list = el("ul")));
      list.append(el("li", {}, inline(item[1])));
    } else if (line.trim() === "" && text.trim() === "") continue;
    else if (paragraph) paragraph.append(el("br"), ...inline(line));
    else box.append((paragraph = el("p", {}, inline(line))));
  }
}

const FORMATS = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
};

function time(seconds, format) {
  const date = new Date(seconds * 1000);
  const title = new Intl.DateTimeFormat(language(), FORMATS.F).format(date);
  const text = format === "R" ? relative(seconds) : new Intl.DateTimeFormat(language(), FORMATS[format]).format(date);
  const dataset = format === "R" ? { relative: seconds } : {};
  return el("time", { dateTime: date.toISOString(), title, dataset }, text);
}

const language = () => me()?.locale ?? "en";

const UNITS = [
  ["year", 31536000],
  ["month", 2592000],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** "in 42 seconds", "3 minutes ago". */
function relative(seconds) {
  const left = seconds - now();
  const size = Math.abs(left);
  const [unit, length] = UNITS.find(([, unitLength]) => size >= unitLength) ?? UNITS.at(-1);
  return new Intl.RelativeTimeFormat(language(), { numeric: "always" }).format(Math.trunc(left / length) || 0, unit);
}

/** Let every relative time on the page count down by itself. */
export function countDown() {
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const text = relative(Number(element.dataset.relative));
    if (element.textContent !== text) element.textContent = text;
  }
}
