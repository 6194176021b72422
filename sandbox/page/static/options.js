// A slash command being filled in: one field per option, with completion as Discord's client does it.

import { el, icon, ICONS } from "./dom.js";
import { optionField } from "./fields.js";
import { act, described, named } from "./store.js";
import { openModal } from "./modal.js";
import { toast } from "./toast.js";

/** The form of a command; `files` fill its attachment options in their order. */
export function commandForm(command, { files, cancel }) {
  const fields = new Map();
  const pills = el("div.pills");
  const more = el("div.more-options");
  const problem = el("div.component-note", { role: "alert" });
  const go = el("button.button.primary.send", { type: "submit" }, "Send");
  const element = el(
    "div.command-form",
    { onkeydown: onKey },
    el(
      "div.command-head",
      {},
      el("span.command-name", {}, `/${command.shown}`),
      el("span.command-words", {}, command.description),
      el("button.icon-button", { type: "button", "aria-label": "Leave the command", title: "Leave the command (Esc)", onclick: cancel }, icon(ICONS.close, 18)),
    ),
    pills,
    more,
    problem,
    el("div.command-foot", {}, el("span.hint", {}, "Enter sends · Tab moves · Esc leaves"), go),
  );
  for (const option of command.options) if (option.required) show(option);
  const attachable = command.options.filter((o) => o.type === 11);
  takeFiles(files);
  showMore();
  element.takeFiles = takeFiles;

  function show(option, { focus = false } = {}) {
    if (fields.has(option.name)) return fields.get(option.name);
    const field = optionField(option, { command: command.name, values });
    fields.set(option.name, field);
    const remove = !option.required && el("button.icon-button", { type: "button", "aria-label": `Remove ${named(option)}`, onclick: () => drop(option) }, icon(ICONS.close, 12));
    field.pill = el("div.pill", { dataset: { option: option.name } }, el("label.pill-label", { title: described(option), htmlFor: field.id }, named(option), option.required && el("span.required", {}, "*")), field.element, remove);
    pills.append(field.pill);
    showMore();
    if (focus) field.focus();
    return field;
  }

  function drop(option) {
    fields.get(option.name)?.pill.remove();
    fields.delete(option.name);
    showMore();
    more.querySelector("button")?.focus();
  }

  function showMore() {
    const left = command.options.filter((o) => !fields.has(o.name));
    more.replaceChildren(
      ...(left.length ? [el("span.more-title", {}, "Options")] : []),
      ...left.map((o) => el("button.chip", { type: "button", title: described(o), onclick: () => show(o, { focus: true }) }, `+ ${named(o)}`)),
    );
  }

  function takeFiles(given) {
    for (const file of given) {
      const free = attachable.find((o) => !fields.get(o.name)?.value());
      if (!free) return toast(`/${command.shown} takes no more files.`, "bad");
      show(free).add([file]);
    }
  }

  function values() {
    const found = {};
    for (const [name, field] of fields) if (!field.isFile && field.value() !== null) found[name] = field.value();
    return found;
  }

  function focus() {
    const empty = [...fields.values()].find((f) => f.value() === null) ?? [...fields.values()][0];
    (empty ?? go).focus();
  }

  function onKey(event) {
    if (event.key === "Escape" && !event.defaultPrevented) {
      event.preventDefault();
      cancel();
    }
  }

  async function submit() {
    problem.textContent = "";
    for (const option of command.options) {
      const field = fields.get(option.name);
      const wrong = field?.problem(option.required) ?? null;
      if (wrong) {
        problem.textContent = `${named(option)}: ${wrong}`;
        field.focus();
        return false;
      }
    }
    const uploads = {};
    for (const [name, field] of fields) if (field.isFile && field.value()) uploads[name] = [field.value()];
    go.disabled = true;
    go.textContent = "Sending…";
    try {
      const answer = await act("slash", { name: command.name, options: values() }, uploads);
      if (!answer.acknowledged) toast(`/${command.shown}: the application did not respond`, "bad");
      if (answer.modal) openModal(answer);
      return true;
    } catch (error) {
      problem.textContent = error.message;
      go.disabled = false;
      go.textContent = "Send";
      return false;
    }
  }

  return { element, submit, focus };
}
