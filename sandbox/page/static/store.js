// The page's state, the WebSocket that keeps it up to date, and the requests that change it.

const listeners = new Map();

/** Of this tab, so that two tabs may be two users; a new tab begins as the user chosen last. */
const KEPT = { user: "sandbox-user", channel: "sandbox-channel" };

export const state = {
  me: null,
  bot: null,
  users: new Map(),
  channels: [],
  channel: sessionStorage.getItem(KEPT.channel),
  messages: new Map(),
  commands: {},
  roles: [],
  faults: [],
  traffic: [],
  connected: false,
  online: false,
  uploadLimit: 10 * 1024 * 1024,
  clockShift: 0,
  unread: new Set(),
};

export function on(kind, listener) {
  if (!listeners.has(kind)) listeners.set(kind, []);
  listeners.get(kind).push(listener);
}

export function tell(kind, detail) {
  for (const listener of listeners.get(kind) ?? []) listener(detail);
}

export const user = (id) => state.users.get(id);
export const me = () => state.users.get(state.me);
export const channel = (id = state.channel) => state.channels.find((c) => c.id === id);
export const commands = (kind) =>
  (state.commands[state.channel] ?? []).filter((c) => (c.type ?? 1) === kind);
/** The name of a command or option as Discord shows it to the current user. */
export const named = (thing) => thing.name_localizations?.[me()?.locale] ?? thing.name;
export const described = (thing) => thing.description_localizations?.[me()?.locale] ?? thing.description;

/** The whole name of a command, subcommands included, in the current user's language. */
export function spoken(path) {
  let offered = state.commands[state.channel] ?? [];
  const whole = offered.find((c) => c.name === path);
  if (whole) return named(whole);
  const words = [];
  for (const part of path.split(" ")) {
    const found = offered.find((c) => c.name === part);
    if (!found) return path;
    words.push(named(found));
    offered = found.options ?? [];
  }
  return words.join(" ");
}
export const messagesHere = () => state.messages.get(state.channel) ?? new Map();

/** Seconds since 1970 as the sandbox sees them. */
export const now = () => Date.now() / 1000 + state.clockShift;

let socket = null;
let retryMilliseconds = 500;

export function connect(name = sessionStorage.getItem(KEPT.user) ?? localStorage.getItem(KEPT.user) ?? "ada") {
  socket = new WebSocket(`ws://${location.host}/sandbox/events?user=${encodeURIComponent(name)}`);
  socket.onmessage = (event) => receive(JSON.parse(event.data));
  socket.onopen = () => {
    retryMilliseconds = 500;
    state.online = true;
    tell("online");
  };
  socket.onclose = () => {
    state.online = false;
    tell("online");
    setTimeout(() => connect(me()?.name ?? name), retryMilliseconds);
    retryMilliseconds = Math.min(5000, retryMilliseconds * 2);
  };
}

function receive(event) {
  switch (event.type) {
    case "state":
      takeState(event);
      break;
    case "message":
      takeMessage(event.message);
      break;
    case "deleted":
      state.messages.get(event.channel_id)?.delete(event.id);
      tell("deleted", event);
      break;
    case "traffic":
      takeTraffic(event.line);
      break;
    case "gateway":
      state.connected = event.connected;
      tell("gateway");
      break;
    default:
      tell(event.type, event);
  }
}

function takeState(event) {
  state.me = event.me;
  state.bot = event.bot;
  state.guild = event.guild;
  state.users = new Map(event.users.map((u) => [u.id, u]));
  state.roles = event.roles;
  state.faults = event.faults;
  state.channels = event.channels;
  state.commands = event.commands;
  state.connected = event.connected;
  state.uploadLimit = event.upload_limit;
  state.clockShift = event.clock_shift;
  state.traffic = event.traffic;
  state.messages = new Map(
    Object.entries(event.messages).map(([id, list]) => [id, new Map(list.map((m) => [m.id, m]))]),
  );
  if (!channel()) state.channel = (event.channels.find((c) => c.kind === "guild_text") ?? event.channels[0])?.id ?? null;
  for (const storage of [localStorage, sessionStorage]) storage.setItem(KEPT.user, me().name);
  tell("state");
}

function takeMessage(message) {
  const here = state.messages.get(message.channel_id);
  if (!here) return;
  const known = here.has(message.id);
  here.set(message.id, message);
  if (!known && message.channel_id !== state.channel) {
    state.unread.add(message.channel_id);
    tell("unread");
  }
  tell("message", { message, known });
}

function takeTraffic(line) {
  const index = state.traffic.findIndex((t) => t.number === line.number);
  if (index >= 0) state.traffic[index] = line;
  else state.traffic.push(line);
  if (state.traffic.length > 600) state.traffic.splice(0, 100);
  tell("traffic", line);
}

export function become(name) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ user: name }));
}

export function openChannel(id) {
  if (id === state.channel) return;
  state.channel = id;
  sessionStorage.setItem(KEPT.channel, id);
  state.unread.delete(id);
  tell("channel");
}

/** Do something as the current user; the answer, or an Error with the reason. */
export async function act(action, payload = {}, files = {}) {
  const form = new FormData();
  const whole = { user: me().name, channel: state.channel, ...payload };
  form.append("payload", JSON.stringify(whole));
  for (const [name, list] of Object.entries(files)) {
    for (const file of [list].flat()) form.append(name, file, file.name);
  }
  const response = await fetch(`/sandbox/act/${action}`, { method: "POST", body: form });
  const answer = await response.json().catch(() => ({ error: "The sandbox did not understand." }));
  if (!response.ok) throw new Error(answer.error ?? `The sandbox answered ${response.status}.`);
  return answer;
}

export async function trafficDetail(number) {
  return (await fetch(`/sandbox/traffic/${number}`)).json();
}
