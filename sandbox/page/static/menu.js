// The menu of a message: apps (message and user commands), copying, deleting.

import { el } from "./dom.js";
import { isRemovable } from "./flags.js";
import { openModal } from "./modal.js";
import { act, commands, named, user } from "./store.js";
import { toast } from "./toast.js";

let open = null;

function closeMenu() {
  open?.remove();
  open = null;
}

export function openMenu(event, message) {
  event.preventDefault();
  event.stopPropagation();
  closeMenu();
  const opener = document.activeElement;
  const item = (label, action, kind = "") =>
    el(`button.menu-item${kind}`, { type: "button", role: "menuitem", onclick: () => (closeMenu(), action()) }, label);
  const apps = commands(3).map((c) => item(named(c), () => useApp("menu", c.name, message)));
  const author = user(message.author.id);
  const onAuthor = author?.bot ? [] : commands(2).map((c) => item(named(c), () => useApp("user_menu", c.name, message)));
  open = el(
    "div.menu",
    { role: "menu", "aria-label": "Message menu" },
    el("div.menu-title", {}, "Apps"),
    apps.length ? apps : el("div.menu-empty", {}, "No app offers anything here."),
    onAuthor.length ? [el("div.menu-title", {}, `Apps for ${author.display}`), onAuthor] : null,
    el("hr"),
    item("Copy message ID", () => navigator.clipboard?.writeText(message.id)),
    isRemovable(message) && item(message.author.bot ? "Dismiss message" : "Delete message", () => removeMessage(message), ".danger"),
  );
  document.body.append(open);
  place(open, event);
  const items = [...open.querySelectorAll("[role=menuitem]")];
  items[0]?.focus();
  open.addEventListener("keydown", (key) => {
    const index = items.indexOf(document.activeElement);
    if (key.key === "ArrowDown") items[(index + 1) % items.length].focus();
    else if (key.key === "ArrowUp") items[(index - 1 + items.length) % items.length].focus();
    else if (key.key === "Escape" || key.key === "Tab") {
      closeMenu();
      opener?.focus?.();
    } else return;
    key.preventDefault();
  });
}

function place(menu, event) {
  const rect = event.target.closest("button, article")?.getBoundingClientRect();
  const fromKey = !event.clientX && !event.clientY;
  const x = fromKey ? (rect?.right ?? 200) - 40 : event.clientX;
  const y = fromKey ? (rect?.top ?? 200) + 10 : event.clientY;
  const left = Math.max(8, Math.min(x, innerWidth - menu.offsetWidth - 8));
  const top = Math.max(8, Math.min(y, innerHeight - menu.offsetHeight - 8));
  menu.style.cssText = `left:${left}px;top:${top}px`;
}

async function useApp(kind, name, message) {
  try {
    const about = kind === "menu" ? { message: message.id } : { target: message.author.id };
    const answer = await act(kind, { channel: message.channel_id, name, ...about });
    if (!answer.acknowledged) toast("The application did not respond", "bad");
    else if (answer.modal) openModal(answer);
  } catch (error) {
    toast(error.message, "bad");
  }
}

export async function removeMessage(message) {
  try {
    await act("delete", { message: message.id });
  } catch (error) {
    toast(error.message, "bad");
  }
}

addEventListener("click", closeMenu);
// Scrolled by hand; a message that comes moves the log too, and must not take the menu away.
for (const kind of ["wheel", "touchmove"]) addEventListener(kind, closeMenu, { passive: true });
