// The flags of a message, and what they mean for the current user.

import { state } from "./store.js";

const EPHEMERAL = 1 << 6;
export const LOADING = 1 << 7;
export const V2 = 1 << 15;

export const isEphemeral = (message) => Boolean(message.flags & EPHEMERAL);

/** Whether the current user may remove it: an own message, or one that only this user sees. */
export const isRemovable = (message) => message.author.id === state.me || isEphemeral(message);
