// The list of messages of the open channel.

import { byId, el, replace } from "./dom.js";
import { isEphemeral } from "./flags.js";
import { carryPictures } from "./media.js";
import { messageElement } from "./message.js";
import { channel, messagesHere, on, state } from "./store.js";

const JOIN_WITHIN_MS = 7 * 60 * 1000;
const box = () => byId("log");

const ordered = () => [...messagesHere().values()].sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1));

function joins(message, previous) {
  return Boolean(
    previous &&
      previous.author.id === message.author.id &&
      !message.used &&
      !message.message_reference &&
      isEphemeral(previous) === isEphemeral(message) &&
      new Date(message.timestamp) - new Date(previous.timestamp) < JOIN_WITHIN_MS,
  );
}

function nearEnd() {
  const log = box();
  return log.scrollHeight - log.scrollTop - log.clientHeight < 160;
}

/** Whether a message answers the current user; Discord then goes to the end of the channel. */
function isMine(message) {
  return message.used?.by === state.me || message.author.id === state.me || isEphemeral(message);
}

function toEnd() {
  box().scrollTop = box().scrollHeight;
}

function welcome() {
  const here = channel();
  if (!here) return null;
  const direct = here.kind !== "guild_text";
  const title = direct ? here.kind === "dm" ? "Atelier" : here.name : `Welcome to #${here.name}!`;
  const words = here.kind === "dm" ? "This is the beginning of your direct messages with Atelier." : here.kind === "group_dm" ? "A private group without the bot; its commands work here because you installed the app for yourself." : `This is the start of #${here.name}. ${here.topic}`;
  return el("div.welcome", {}, el("h2", {}, title), el("p", {}, words));
}

let shownFor = null;

function showAll() {
  const list = ordered();
  const place = `${state.me}/${state.channel}`;
  const top = shownFor === place && !nearEnd() ? box().scrollTop : null;
  shownFor = place;
  const restore = [];
  const elements = list.map((message, index) => {
    const element = messageElement(message, { joined: joins(message, list[index - 1]) });
    const old = box().querySelector(`[data-id="${message.id}"]`);
    if (old) restore.push(carry(old, element));
    return element;
  });
  replace(box(), welcome(), elements);
  for (const each of restore) each();
  if (top === null) toEnd();
  else box().scrollTop = top;
  for (const image of box().querySelectorAll("img.media")) image.addEventListener("load", () => nearEnd() && toEnd(), { once: true });
}

function show({ message, known }) {
  if (message.channel_id !== state.channel) return;
  const end = nearEnd() || (!known && isMine(message));
  const list = ordered();
  const index = list.findIndex((m) => m.id === message.id);
  const element = messageElement(message, { joined: joins(message, list[index - 1]) });
  const old = box().querySelector(`[data-id="${message.id}"]`);
  if (known && old) swap(old, element);
  else box().append(element);
  if (end) toEnd();
  for (const image of element.querySelectorAll("img.media")) image.addEventListener("load", () => end && toEnd(), { once: true });
}

/** Replace a message by its edited self. */
function swap(old, element) {
  const restore = carry(old, element);
  old.replaceWith(element);
  restore();
}

/** Bring pictures and what somebody is about to do into a message made anew; to be called once it is shown, for the focus. */
function carry(old, element) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const customId = focused?.dataset?.customId ?? focused?.closest("[data-custom-id]")?.dataset.customId;
  const unfolded = [...old.querySelectorAll("details[open]")].map((d) => d.dataset.customId);
  const noted = old.querySelector(".component-note")?.textContent ?? "";
  const half = [...old.querySelectorAll("details.multi")].map((d) => [d.dataset.customId, d.unsent()]);
  carryPictures(old, element);
  const again = (id) => element.querySelector(`[data-custom-id="${CSS.escape(id)}"]`);
  for (const id of unfolded) again(id)?.setAttribute("open", "");
  for (const [id, chosen] of half) if (chosen) again(id)?.choose?.(chosen);
  const line = element.querySelector(".component-note");
  if (line && noted) line.textContent = noted;
  return () => {
    if (!focused) return;
    const part = customId && again(customId);
    const inside = part?.matches("details") ? (part.querySelector(`input[value="${CSS.escape(focused.value ?? "")}"]`) ?? part.querySelector("summary")) : part;
    (inside || element).focus({ preventScroll: true });
  };
}

export function startLog() {
  on("state", showAll);
  on("channel", showAll);
  on("message", show);
  on("deleted", ({ id }) => box().querySelector(`[data-id="${id}"]`)?.remove());
}
