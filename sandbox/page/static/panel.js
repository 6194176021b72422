// The traffic panel: REST calls, gateway frames, downloads, broken rules; and faults on demand.

import { byId, el, icon, ICONS, remake } from "./dom.js";
import { act, on, state, tell, trafficDetail } from "./store.js";
import { toast } from "./toast.js";

const KINDS = [
  ["rest", "REST"],
  ["gateway", "Gateway"],
  ["cdn", "CDN"],
];
const shown = new Set(["rest", "gateway", "cdn"]);
let onlyViolations = false;
let isOpen = localStorage.getItem("sandbox-panel") === "open";

const broken = () => state.traffic.flatMap((line) => line.violations);
const quiet = (line) => /heartbeat/.test(line.title);
const wanted = (line) => shown.has(line.kind) && (!onlyViolations || line.violations.length) && !quiet(line);

export function toggle(value = !isOpen) {
  isOpen = value;
  localStorage.setItem("sandbox-panel", isOpen ? "open" : "closed");
  byId("panel").hidden = !isOpen;
  document.body.classList.toggle("with-panel", isOpen);
  if (isOpen) show();
  tell("panel", isOpen);
}

export const panelOpen = () => isOpen;

function show() {
  if (!isOpen) return;
  const before = byId("traffic");
  const top = before && !atEnd(before) ? before.scrollTop : null;
  const unfolded = new Set([...byId("panel").querySelectorAll(".line details[open]")].map((box) => box.parentElement.dataset.number));
  const lines = el("ol.traffic", { id: "traffic", tabIndex: 0, "aria-label": "Traffic, newest last" });
  for (const line of state.traffic) if (wanted(line)) lines.append(row(line, unfolded.has(String(line.number))));
  remake(
    byId("panel"),
    el("div.panel-head", {}, el("h2", {}, "Traffic"), el("span.count", { id: "violation-count" }), el("button.icon-button", { type: "button", "aria-label": "Close the panel", onclick: () => toggle(false) }, icon(ICONS.close, 18))),
    el("div.filters", {}, KINDS.map(([kind, label]) => filter(label, shown.has(kind), (value) => (value ? shown.add(kind) : shown.delete(kind)))), filter("Broken rules only", onlyViolations, (value) => (onlyViolations = value))),
    lines,
    el("details.faults", { open: byId("panel").querySelector(".faults")?.open ?? false }, el("summary", {}, "Let something go wrong"), el("div.fault-row", {}, state.faults.map(faultButton))),
  );
  lines.scrollTop = top ?? lines.scrollHeight;
  countViolations();
}

function filter(label, checked, change) {
  return el("label.filter", {}, el("input", { type: "checkbox", checked: checked ? "checked" : null, onchange: (event) => (change(event.target.checked), show()) }), label);
}

function faultButton({ kind, label, title }) {
  const cause = async () => {
    try {
      await act("fault", { kind });
      toast(kind === "clear" ? "No faults are waiting." : `${label}: ${title.toLowerCase()}.`);
    } catch (error) {
      toast(error.message, "bad");
    }
  };
  return el("button.chip", { type: "button", title, onclick: cause }, label);
}

function countViolations() {
  const count = broken().length;
  const badge = byId("violation-count");
  if (!badge) return;
  badge.textContent = count ? `${count} broken ${count === 1 ? "rule" : "rules"}` : "no broken rules";
  badge.classList.toggle("bad", count > 0);
}

const atEnd = (list) => list.scrollHeight - list.scrollTop - list.clientHeight < 80;

function row(line, unfolded = false) {
  const kind = line.violations.length ? "violation" : line.status >= 400 || line.status === 0 ? "failed" : "";
  const time = new Date(line.at * 1000).toLocaleTimeString("en-GB");
  const summary = el(
    "summary",
    {},
    el("span.line-time", {}, time),
    el(`span.line-kind.${line.kind}`, {}, line.kind),
    el("span.line-title", { title: line.title }, shortTitle(line.title)),
    line.status !== null && el(`span.line-status`, {}, line.status || "✕"),
    line.milliseconds > 0 && el("span.line-ms", {}, `${Math.round(line.milliseconds)} ms`),
  );
  const box = el(
    "details",
    { open: unfolded, ontoggle: () => box.open && unfold(box, line) },
    summary,
    line.violations.map((v) => el(`div.broken${v.refused ? "" : ".advice"}`, {}, el("strong", {}, v.rule), v.path && el("code", {}, v.path), ` ${v.message} `, el("a", { href: v.documentation, target: "_blank", rel: "noreferrer" }, "documentation"))),
  );
  return el(`li.line${kind ? `.${kind}` : ""}`, { dataset: { number: line.number } }, box);
}

/** Interaction tokens are long and say nothing; of ids the end tells them apart. */
const short = (text) => text.replace(/[\w-]{60,}/g, "…token…");
const shortTitle = (title) => title.replace(/[\w-]{60,}/g, "…").replace(/\/\d{12,}(\d{4})/g, "/…$1");

async function unfold(box, line) {
  if (box.querySelector("pre")) return;
  const detail = await trafficDetail(line.number);
  const text = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));
  for (const key of ["sent", "received"]) {
    if (detail[key] === null || detail[key] === undefined) continue;
    box.append(el("div.detail", {}, el("h4", {}, key), el("pre", { tabIndex: 0 }, short(text(detail[key])))));
  }
}

function addLine(line) {
  if (line.violations.length && !isOpen) tell("violation", line);
  if (!isOpen) return;
  const list = byId("traffic");
  if (!list || !wanted(line)) return;
  const end = atEnd(list);
  const old = list.querySelector(`[data-number="${line.number}"]`);
  if (old) old.replaceWith(row(line, old.querySelector("details").open));
  else list.append(row(line));
  while (list.children.length > 400) list.firstElementChild.remove();
  if (end) list.scrollTop = list.scrollHeight;
  countViolations();
}

export function startPanel() {
  on("state", show);
  on("traffic", addLine);
  toggle(isOpen);
}
