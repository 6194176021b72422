// Modals: text fields, selects, radio groups, checkboxes and uploads in a dialog.

import { byId, el } from "./dom.js";
import { filePicker } from "./files.js";
import { markdown } from "./markdown.js";
import { choices, multiSelect, singleSelect } from "./selects.js";
import { act, state, user } from "./store.js";

/** Show the modal that an interaction opened. */
export function openModal(answer) {
  const modal = answer.modal;
  const fields = [];
  const parts = modal.components.map((component) => top(component, fields));
  const error = el("div.component-note", { role: "alert" });
  const submit = el("button.button.primary", { type: "submit" }, "Submit");
  const close = () => dialog.close();
  const form = el(
    "form.modal-form",
    { onsubmit: (event) => (event.preventDefault(), send()), novalidate: true },
    el("header", {}, el("h2", {}, modal.title), el("button.icon-button", { type: "button", "aria-label": "Close", onclick: close }, "✕")),
    el("div.modal-body", {}, parts, error),
    el("footer", {}, el("button.button.link", { type: "button", onclick: close }, "Cancel"), submit),
  );
  const opener = document.activeElement;
  /** To what opened it; a command's own form is gone by then. */
  const back = () => (opener?.isConnected && opener !== document.body ? opener : byId("composer-text"))?.focus();
  const dialog = el("dialog.modal", { "aria-label": modal.title, onclose: () => (dialog.remove(), back()) }, form);
  document.body.append(dialog);
  dialog.showModal();
  form.querySelector(".modal-body :is(summary, textarea, select, button.file-drop, input:not([hidden], details input))")?.focus();

  async function send() {
    const wrong = fields.map((f) => f.problem()).find(Boolean);
    error.textContent = wrong ?? "";
    if (wrong) return;
    submit.disabled = true;
    try {
      const values = Object.fromEntries(fields.filter((f) => f.value).map((f) => [f.id, f.value()]));
      const files = Object.fromEntries(fields.filter((f) => f.files).map((f) => [f.id, f.files()]));
      const result = await act("modal", { interaction: answer.id, values }, files);
      if (!result.acknowledged) throw new Error("Something went wrong. Try again.");
      dialog.close();
      if (result.modal) openModal(result);
    } catch (failure) {
      error.textContent = failure.message;
      submit.disabled = false;
    }
  }
}

function top(component, fields) {
  if (component.type === 10) return markdown(component.content);
  if (component.type === 1) return component.components.map((c) => labelled({ label: c.label, component: c }, fields));
  return labelled(component, fields);
}

function labelled(label, fields) {
  const field = fieldFor(label.component);
  fields.push(field);
  const required = label.component.required ?? label.component.type !== 23;
  const group = [21, 22].includes(label.component.type);
  const head = [label.label, required && el("span.required", { title: "Required" }, " *")];
  const rest = [label.description && el("p.help", {}, label.description), field.element];
  if (group) return el("fieldset.field", {}, el("legend", {}, head), rest);
  return el("label.field", {}, el("span.label", {}, head), rest);
}

function fieldFor(component) {
  switch (component.type) {
    case 4:
      return textField(component);
    case 19:
      return uploadField(component);
    case 21:
      return radioField(component);
    case 22:
      return checkboxes(component);
    case 23:
      return checkbox(component);
    default:
      return selectField(component);
  }
}

const isRequired = (component) => component.required ?? true;

/** How many values a field needs: none where it is optional. */
const leastValues = (component) => (isRequired(component) ? Math.max(1, component.min_values ?? 1) : 0);

function textField(component) {
  const long = component.style === 2;
  const element = el(long ? "textarea.input" : "input.input", {
    ...(long ? { rows: 4 } : { type: "text" }),
    value: component.value ?? "",
    placeholder: component.placeholder ?? "",
    maxLength: component.max_length ?? 4000,
  });
  const problem = () => {
    const length = element.value.length;
    if (isRequired(component) && !element.value.trim()) return "Please fill in every field marked with a star.";
    if (length && length < (component.min_length ?? 0)) return `Please write at least ${component.min_length} characters.`;
    return null;
  };
  return { id: component.custom_id, element, value: () => element.value, problem };
}

function selectField(component) {
  const options = choices(component);
  const chosen = options.filter((o) => o.default).map((o) => o.value);
  const least = leastValues(component);
  const placeholder = component.placeholder ?? "Make a selection";
  let element;
  let value;
  if ((component.max_values ?? 1) === 1) {
    element = singleSelect(options, placeholder, chosen, component);
    value = () => (element.value ? [element.value] : []);
  } else {
    element = multiSelect(options, placeholder, chosen, component, null);
    value = () => element.values();
  }
  const problem = () => (value().length < least ? "Please choose something in every list marked with a star." : null);
  return { id: component.custom_id, element, value, problem };
}

/** The options of a component, each with a box before its words. */
function boxes(component, kind) {
  const inputs = component.options.map((o) => el("input", { ...kind, value: o.value, checked: o.default ? "checked" : null }));
  const labels = component.options.map((o, i) => el("label.choice", {}, inputs[i], el("span", {}, o.label, o.description && el("small", {}, o.description))));
  return { inputs, element: el("div.choices", {}, labels) };
}

function radioField(component) {
  const { inputs, element } = boxes(component, { type: "radio", name: component.custom_id });
  const value = () => inputs.find((i) => i.checked)?.value ?? null;
  const problem = () => (isRequired(component) && value() === null ? "Please choose an option." : null);
  return { id: component.custom_id, element, value, problem };
}

function checkboxes(component) {
  const { inputs, element } = boxes(component, { type: "checkbox" });
  const value = () => inputs.filter((i) => i.checked).map((i) => i.value);
  const least = leastValues(component);
  const problem = () => (value().length < least ? `Please choose at least ${least}.` : null);
  return { id: component.custom_id, element, value, problem };
}

function checkbox(component) {
  const input = el("input", { type: "checkbox", checked: component.default ? "checked" : null });
  return { id: component.custom_id, element: el("div.choice", {}, input), value: () => input.checked, problem: () => null };
}

function uploadField(component) {
  const most = component.max_values ?? 1;
  const picker = filePicker({ most, hint: most > 1 ? `Drop up to ${most} files here or click` : "Drop a file here or click", limit: state.uploadLimit, kinds: component.file_types });
  const least = leastValues(component);
  const problem = () => (picker.files().length < least ? `${user(state.bot)?.display ?? "The app"} needs a file here.` : null);
  return { id: component.custom_id, element: picker.element, files: picker.files, problem };
}
