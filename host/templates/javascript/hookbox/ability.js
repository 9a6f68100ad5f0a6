// What the host gives a plugin beside the event: settings, a store, a log, the time.

import { shown } from "./outcomes.js";

/** What a plugin without a grant has, in a plain `node`. */
const NOTHING = {
  log: (level, text) => console.error(`${level.toUpperCase()} ${text}`),
  settings: () => [],
  store() {
    throw new StateError("the plugin has no state: add a table `[state]` to its grant");
  },
  send: undefined,
  now: () => Date.now(),
};

/** What stands where the host is. */
const standing = { ...NOTHING };

/** Takes away what was put there. */
export function reset() {
  stand(NOTHING);
}

/** Puts others in the place of some of them: the host does in a component, and tests do. */
export function stand(others) {
  Object.assign(standing, others);
}

/** What stands there now. */
export function host() {
  return standing;
}

/** A setting is missing, or cannot be read. */
export class ConfigError extends Error {
  isOrdinary = true;
  name = "ConfigError";
}

export const config = Object.freeze({
  get: (key, otherwise) => standing.settings().find(([known]) => known === key)?.[1] ?? otherwise,
  require(key) {
    const value = config.get(key);
    if (value !== undefined) return value;
    throw new ConfigError(
      `the setting \`${key}\` is missing: add \`${key} = "…"\` under \`[config]\` of the plugin's grant`,
    );
  },
  all: () => Object.fromEntries(standing.settings()),
});

/** The plugin has no state, or the host refuses a key or a value. */
export class StateError extends Error {
  isOrdinary = true;
  name = "StateError";
}

const bytes = (value) => {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return new TextEncoder().encode(value);
  throw new TypeError("state.set() takes a text or a Uint8Array: JSON.stringify() makes a text of anything else");
};

export const state = Object.freeze({
  get(key) {
    const value = state.getBytes(key);
    return value === undefined ? undefined : new TextDecoder().decode(value);
  },
  getBytes: (key) => standing.store().get(key),
  set: (key, value) => standing.store().set(key, bytes(value)),
  delete: (key) => standing.store().delete(key),
  exists: (key) => standing.store().exists(key),
  increment: (key, by = 1) => standing.store().increment(key, by),
  keys: () => standing.store().keys(),
});

const line = (parts) =>
  parts
    .map((part) => {
      if (typeof part === "string") return part;
      if (part instanceof Error) return part.stack?.includes(part.message) ? part.stack : `${part}\n${part.stack ?? ""}`;
      return shown(part);
    })
    .join(" ");

const level =
  (name) =>
  (...parts) =>
    standing.log(name, line(parts));

export const log = Object.freeze({
  trace: level("trace"),
  debug: level("debug"),
  info: level("info"),
  warn: level("warn"),
  error: level("error"),
});

export const clock = Object.freeze({
  now: () => new Date(standing.now()),
  nowMs: () => standing.now(),
});
