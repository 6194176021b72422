// Choosing files: by click, by dropping, by pasting; with previews.

import { el, icon, ICONS } from "./dom.js";
import { fileSize } from "./media.js";
import { toast } from "./toast.js";

/** A box that takes up to `most` files of up to `limit` bytes each. */
export function filePicker({ most, hint, limit, kinds = [] }) {
  let chosen = [];
  const input = el("input", { type: "file", multiple: most > 1, hidden: true, accept: kinds.map((kind) => (kind.startsWith(".") ? kind : `${kind}/*`)).join(","), onchange: () => add([...input.files]) });
  const list = el("div.file-list");
  const button = el("button.file-drop", { type: "button", onclick: () => input.click() }, icon(ICONS.upload, 22), el("span", {}, hint));
  const element = el("div.file-picker", {}, button, list, input);

  function add(files) {
    chosen = [...chosen, ...withinLimit(files, limit)].slice(-most);
    input.value = "";
    show();
  }

  function show() {
    list.replaceChildren(...chosen.map((file) => fileChip(file, () => remove(file))));
    const focused = document.activeElement === button;
    button.hidden = chosen.length >= most;
    if (focused && button.hidden) element.closest(".command-form")?.querySelector(".send").focus();
  }

  function remove(file) {
    chosen = chosen.filter((f) => f !== file);
    show();
    button.focus();
  }

  takeDrops(element, add);
  element.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) {
      event.preventDefault();
      event.stopPropagation();
      add([...event.clipboardData.files]);
    }
  });
  return { element, files: () => chosen, add, button };
}

/** The files that Discord would take; a note names one that is too large. */
export function withinLimit(files, limit) {
  const large = files.find((f) => f.size > limit);
  if (large) toast(`${large.name} is too large: files may have up to ${fileSize(limit)}.`, "bad");
  return files.filter((f) => f.size <= limit);
}

/** Let an element take dropped files. */
export function takeDrops(element, take) {
  let depth = 0;
  const isFiles = (event) => event.dataTransfer?.types.includes("Files");
  element.addEventListener("dragenter", (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    depth += 1;
    element.classList.add("dragging");
  });
  element.addEventListener("dragover", (event) => isFiles(event) && event.preventDefault());
  element.addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth) element.classList.remove("dragging");
  });
  element.addEventListener("drop", (event) => {
    depth = 0;
    element.classList.remove("dragging");
    if (!isFiles(event)) return;
    event.preventDefault();
    event.stopPropagation();
    take([...event.dataTransfer.files]);
  });
}

/** A chosen file with its preview and a way to drop it again. */
export function fileChip(file, remove) {
  const picture = file.type.startsWith("image/");
  const url = picture ? URL.createObjectURL(file) : null;
  const preview = picture ? el("img", { src: url, alt: "", onload: () => URL.revokeObjectURL(url) }) : icon(ICONS.file, 24);
  return el(
    "div.file-chip",
    { title: file.name },
    preview,
    el("span.file-name", {}, file.name),
    el("button.icon-button", { type: "button", "aria-label": `Remove ${file.name}`, onclick: remove }, icon(ICONS.close, 14)),
  );
}
