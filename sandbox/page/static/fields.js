// The fields of slash-command options, by the option's type.

import { el } from "./dom.js";
import { filePicker } from "./files.js";
import { act, named, state } from "./store.js";

let count = 0;

/** A field: `element`, `value()` (null when empty), `problem(required)`, `focus()`. */
export function optionField(option, context) {
  const id = `option-${(count += 1)}`;
  if (option.type === 11) return fileField(id, option.file_types);
  if (option.type === 5) return choiceField(id, option, [{ name: "True", value: true }, { name: "False", value: false }]);
  if (option.choices?.length) return choiceField(id, option, option.choices);
  const entities = entitiesFor(option.type);
  if (entities) return choiceField(id, option, entities);
  if (option.autocomplete) return completingField(id, option, context);
  return textField(id, option);
}

function entitiesFor(type) {
  const users = [...state.users.values()].map((u) => ({ name: `@${u.display}`, value: u.id }));
  const roles = state.roles.map((r) => ({ name: `@${r.name.replace(/^@/, "")}`, value: r.id }));
  const channels = state.channels.filter((c) => c.kind === "guild_text").map((c) => ({ name: `#${c.name}`, value: c.id }));
  return { 6: users, 7: channels, 8: roles, 9: [...users, ...roles] }[type] ?? null;
}

function fileField(id, kinds) {
  const picker = filePicker({ most: 1, hint: "Drop, paste or choose a file", limit: state.uploadLimit, kinds });
  picker.button.id = id;
  return {
    id,
    isFile: true,
    element: picker.element,
    add: picker.add,
    value: () => picker.files()[0] ?? null,
    focus: () => (picker.button.hidden ? picker.element.querySelector("button.icon-button") : picker.button).focus(),
    problem: (required) => (required && !picker.files().length ? "please attach a file." : null),
  };
}

function choiceField(id, option, choices) {
  const element = el("select.pill-input", { id }, el("option", { value: "" }, "choose…"), choices.map((c, index) => el("option", { value: String(index) }, named(c))));
  return {
    id,
    element,
    value: () => (element.value === "" ? null : choices[Number(element.value)].value),
    focus: () => element.focus(),
    problem: (required) => (required && element.value === "" ? "please choose one." : null),
  };
}

const INTEGER = 4;
const NUMBER = 10;

function parsed(option, text) {
  if (text === "") return null;
  return option.type === INTEGER || option.type === NUMBER ? Number(text) : text;
}

function problemOf(option, text, required) {
  if (text === "") return required ? "this option is required." : null;
  const value = parsed(option, text);
  if (option.type === INTEGER && !Number.isInteger(value)) return "please give a whole number.";
  if (option.type === NUMBER && !Number.isFinite(value)) return "please give a number.";
  if (option.min_value !== undefined && value < option.min_value) return `at least ${option.min_value}.`;
  if (option.max_value !== undefined && value > option.max_value) return `at most ${option.max_value}.`;
  if (option.max_length !== undefined && text.length > option.max_length) return `at most ${option.max_length} characters.`;
  if (option.min_length !== undefined && text.length < option.min_length) return `at least ${option.min_length} characters.`;
  return null;
}

function hint(option) {
  if (option.min_value !== undefined || option.max_value !== undefined) return `${option.min_value ?? "…"} – ${option.max_value ?? "…"}`;
  return { [INTEGER]: "a number", [NUMBER]: "a number" }[option.type] ?? "text";
}

function textField(id, option) {
  const mode = option.type === INTEGER ? "numeric" : option.type === NUMBER ? "decimal" : "text";
  const element = el("input.pill-input", { id, type: "text", inputMode: mode, placeholder: hint(option), title: option.description });
  return {
    id,
    element,
    value: () => parsed(option, element.value.trim()),
    focus: () => element.focus(),
    problem: (required) => problemOf(option, element.value.trim(), required),
  };
}

/** A field whose suggestions come from the bot while one types. */
function completingField(id, option, { command, values }) {
  let chosen = null;
  let found = [];
  let marked = -1;
  let asked = 0;
  let timer = null;
  const list = el("div.suggestions", { role: "listbox", id: `${id}-list`, hidden: true });
  const input = el("input.pill-input", {
    id,
    type: "text",
    placeholder: "type to search",
    title: option.description,
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-controls": `${id}-list`,
    "aria-expanded": "false",
    oninput: () => ((chosen = null), ask(150)),
    onfocus: () => chosen === null && ask(0),
    onblur: hide,
    onkeydown: onKey,
  });
  const element = el("div.completing", {}, input, list);

  function ask(milliseconds) {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const turn = (asked += 1);
      const others = values();
      delete others[option.name];
      try {
        const answer = await act("autocomplete", { name: command, option: option.name, text: input.value, options: others });
        if (turn !== asked || document.activeElement !== input) return;
        found = answer.choices ?? [];
        show(answer.acknowledged ? "No results." : "Loading options failed.");
      } catch (error) {
        found = [];
        show(error.message);
      }
    }, milliseconds);
  }

  function show(otherwise) {
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    list.replaceChildren(
      ...(found.length
        ? found.map((c, index) => el("div.suggestion", { role: "option", id: `${id}-${index}`, onmousedown: (event) => (event.preventDefault(), take(c)) }, c.name))
        : [el("div.suggestion.none", {}, otherwise)]),
    );
    mark(found.length ? 0 : -1);
  }

  function mark(index) {
    marked = index;
    [...list.children].forEach((child, i) => child.setAttribute("aria-selected", i === marked));
    list.children[marked]?.scrollIntoView({ block: "nearest" });
    if (marked >= 0) input.setAttribute("aria-activedescendant", `${id}-${marked}`);
  }

  function take(choice) {
    chosen = choice;
    input.value = choice.name;
    hide();
  }

  function hide() {
    clearTimeout(timer);
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function onKey(event) {
    if (list.hidden) {
      if (event.key === "ArrowDown") ask(0);
      return;
    }
    if (event.key === "ArrowDown") mark((marked + 1) % Math.max(1, found.length));
    else if (event.key === "ArrowUp") mark((marked - 1 + found.length) % Math.max(1, found.length));
    else if (event.key === "Enter" && found[marked]) take(found[marked]);
    else if (event.key === "Tab" && found[marked] && input.value) return take(found[marked]);
    else if (event.key === "Escape") hide();
    else return;
    event.preventDefault();
  }

  const typed = () => input.value.trim();
  return {
    id,
    element,
    value: () => (chosen ? chosen.value : parsed(option, typed())),
    focus: () => input.focus(),
    problem: (required) => problemOf(option, chosen ? String(chosen.value) : typed(), required),
  };
}
