// Short notes in the corner.

import { byId, el } from "./dom.js";

export function toast(text, kind = "plain", milliseconds = 6000) {
  const note = el(`div.toast.${kind}`, {}, text);
  byId("toasts").append(note);
  setTimeout(() => note.remove(), milliseconds);
}
