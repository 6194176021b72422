// Pictures, videos and files of messages, with spoilers and a full view.

import { el, icon, ICONS } from "./dom.js";
import { inline } from "./markdown.js";

const revealed = new Set();

export function fileSize(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(2)} MB`;
}

const isPicture = (item) => (item.content_type ?? "").startsWith("image/") || (!item.content_type && /\.(png|jpe?g|gif|webp|avif)(\?|$)/i.test(item.url));
const isVideo = (item) => (item.content_type ?? "").startsWith("video/") || (!item.content_type && /\.(mp4|mov|webm|mkv)(\?|$)/i.test(item.url));

/** Cover something until it is pressed; what was revealed stays so through edits. */
export function spoilered(key, spoiler, content) {
  if (!spoiler || revealed.has(key)) return content;
  const cover = el("button.spoiler-cover", { type: "button", "aria-label": "Spoiler, press to reveal" }, el("span", {}, "Spoiler"));
  const box = el("div.spoiler-box", {}, content, cover);
  content.setAttribute("inert", "");
  cover.addEventListener("click", () => {
    revealed.add(key);
    box.classList.add("shown");
    content.removeAttribute("inert");
    cover.remove();
    content.focus?.();
  });
  return box;
}

/** A picture or video; `key` says which it is through a message's edits. */
export function media(item, { key, description = "", spoiler = false, label = "" }) {
  const alt = description || label || "Picture";
  if (isVideo(item)) {
    return spoilered(key, spoiler, el("video.media", { src: item.url, controls: true, loop: true, muted: true, preload: "metadata", "aria-label": alt }));
  }
  const image = el("img.media", { src: item.url, alt, loading: "lazy", dataset: { key } });
  if (item.width && item.height) {
    image.setAttribute("width", item.width);
    image.setAttribute("height", item.height);
  }
  const open = el("button.media-button", { type: "button", title: description, "aria-label": `Open: ${alt}`, onclick: () => lightbox(item.url, alt) }, image);
  return spoilered(key, spoiler, open);
}

/** One to ten pictures side by side. */
export function gallery(items) {
  const count = Math.min(items.length, 10);
  return el(`div.gallery.gallery-${count}`, {}, items);
}

export function fileCard(item, name, size) {
  return el(
    "div.file-card",
    {},
    icon(ICONS.file, 32),
    el("div", {}, el("a", { href: item.url, download: name, target: "_blank", rel: "noreferrer" }, name), el("div.subtext", {}, size ? fileSize(size) : "")),
  );
}

/** Attachments of a message without Components V2. */
export function attachments(message) {
  const pictures = message.attachments.filter((a) => isPicture(a) || isVideo(a));
  const others = message.attachments.filter((a) => !pictures.includes(a));
  const spoiler = (a) => a.filename.startsWith("SPOILER_") || Boolean((a.flags ?? 0) & 8);
  const nodes = [];
  if (pictures.length) {
    nodes.push(gallery(pictures.map((a) => media(a, { key: `${message.id}/${a.filename}`, description: a.description, spoiler: spoiler(a), label: a.filename }))));
  }
  nodes.push(...others.map((a) => spoilered(`${message.id}/${a.filename}`, spoiler(a), fileCard(a, a.filename, a.size))));
  return nodes;
}

/** Keep showing the picture that was there until the new one has loaded. */
export function carryPictures(before, after) {
  const old = [...before.querySelectorAll("img.media")];
  [...after.querySelectorAll("img.media")].forEach((image, index) => {
    const previous = old[index];
    if (!previous) return;
    if (previous.src === image.src) {
      image.replaceWith(previous);
      previous.alt = image.alt;
    } else if (previous.complete) {
      image.style.backgroundImage = `url("${previous.src}")`;
    }
  });
}

/** The picture as large as the window. */
function lightbox(url, alt) {
  const opener = document.activeElement;
  const id = opener?.closest("article")?.dataset.id;
  /** To the picture, or to its message where that was made anew meanwhile. */
  const back = () => (opener?.isConnected ? opener : document.querySelector(`[data-id="${id}"]`))?.focus();
  const dialog = el(
    "dialog.lightbox",
    { "aria-label": alt, onclick: () => dialog.close(), onclose: () => (dialog.remove(), back()) },
    el("img", { src: url, alt }),
    el("div.lightbox-foot", {}, el("span", {}, alt), el("a", { href: url, target: "_blank", rel: "noreferrer", onclick: (event) => event.stopPropagation() }, "Open in browser")),
  );
  document.body.append(dialog);
  dialog.showModal();
}

/** An embed. */
export function embed(message, data, index) {
  const color = data.color === undefined || data.color === null ? "var(--line)" : `#${data.color.toString(16).padStart(6, "0")}`;
  const key = `${message.id}/embed${index}`;
  return el(
    "div.embed",
    { style: `--accent:${color}` },
    el(
      "div.embed-words",
      {},
      data.author && el("div.embed-author", {}, data.author.name),
      data.title && el("div.embed-title", {}, data.url ? el("a", { href: data.url, target: "_blank", rel: "noreferrer" }, inline(data.title)) : inline(data.title)),
      data.description && el("div.embed-text", {}, inline(data.description)),
      data.fields?.length && el("div.embed-fields", {}, data.fields.map((f) => el(`div.embed-field${f.inline ? ".inline" : ""}`, {}, el("div.embed-name", {}, inline(f.name)), el("div", {}, inline(f.value))))),
      data.image && media(data.image, { key: `${key}/image`, label: "Picture of the embed" }),
      data.footer && el("div.embed-footer", {}, data.footer.text),
    ),
    data.thumbnail && el("div.embed-thumbnail", {}, media(data.thumbnail, { key: `${key}/thumbnail`, label: "Thumbnail" })),
  );
}
