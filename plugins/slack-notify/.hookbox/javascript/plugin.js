// A plugin: what it says of itself, and which function handles what. Mistakes are told when the file is loaded.

import { Event, Missing, unpromised, viewOf } from "./events.js";
import { failureOf, ignored, outcomeOf, Reject } from "./outcomes.js";
import { ACTIONS, isSubscription, mend, nearest, taker, winner } from "./scopes.js";

/** What is wrong with how a plugin is written. */
class Mistake extends TypeError {
  constructor(text) {
    super(text);
    this.name = "Mistake";
  }
}

/** A scope with its actions, and the function that handles them. */
class Handler {
  constructor(scope, actions, handle) {
    this.scope = scope;
    this.actions = actions;
    this.handle = handle;
    Object.freeze(this);
  }
}

export function on(scope, options, handle) {
  if (typeof options === "function" && handle === undefined) [options, handle] = [{}, options];
  const place = `on(${JSON.stringify(scope)})`;
  if (typeof scope !== "string") throw new Mistake('on(): say which events: on("repo.content", (event) => …)');
  const { actions = [], unknown = false } = checked(options, ["actions", "unknown"], place);
  if (!isSubscription(scope)) {
    throw new Mistake(`${place}: a scope is dotted words ("repo.content"), perhaps with ".*" at the end, or "*"`);
  }
  const instead = unknown ? undefined : mend(scope);
  if (instead) throw new Mistake(`${place}: ${instead}`);
  if (typeof handle !== "function") {
    throw new Mistake(`${place}: the last argument is the function that handles the event: (event) => done("…")`);
  }
  return new Handler(scope, checkedActions(actions, unknown, place), handle);
}

function checkedActions(actions, unknown, place) {
  if (!Array.isArray(actions) || actions.some((action) => typeof action !== "string" || action === "")) {
    throw new Mistake(`${place}: actions are a list of words: { actions: ["create"] }`);
  }
  for (const [index, action] of actions.entries()) {
    const meant = unknown ? undefined : nearest(action, ACTIONS);
    if (meant) throw new Mistake(`${place}: the Hub has no action "${action}": did you mean "${meant}"?`);
    if (actions.indexOf(action) !== index) throw new Mistake(`${place}: "${action}" is there already`);
  }
  return Object.freeze([...actions]);
}

/** An object of options, if it has no others than those known. */
function checked(options, known, place) {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new Mistake(`${place}: options are an object with ${known.join(", ")}`);
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const meant = nearest(name, known);
    throw new Mistake(`${place}: there is no \`${name}\`: ${meant ? `did you mean \`${meant}\`?` : `take ${known.join(", ")}`}`);
  }
  return options;
}

/** What a plugin asks its operator for. Asking grants nothing: the grant does. */
export const Want = Object.freeze({
  http: (host, options) => want("http", host, options, ["methods", "paths", "credential"]),
  config: (key, options) => want("config", key, options, []),
  state: (label, options) => want("state", label, options, []),
});

class Wanted {
  constructor(parts) {
    Object.assign(this, parts);
    Object.freeze(this);
  }
}

function want(kind, name, options = {}, details) {
  const place = `Want.${kind}(${JSON.stringify(name)})`;
  if (typeof name !== "string" || name === "") throw new Mistake(`Want.${kind}(): the first argument is a text`);
  const { required = false, because = "", ...rest } = checked(options, [...details, "required", "because"], place);
  const detail = details.filter((key) => rest[key] !== undefined).map((key) => [key, rest[key]]);
  for (const [key, value] of detail) {
    const isText = (one) => typeof one === "string";
    if (key === "credential" ? !isText(value) : !Array.isArray(value) || !value.every(isText)) {
      throw new Mistake(`${place}: \`${key}\` is ${key === "credential" ? "a text" : "a list of texts"}`);
    }
  }
  const json = detail.length === 0 ? "" : JSON.stringify(Object.fromEntries(detail));
  return new Wanted({ kind, name, detail: json, required: required === true, reason: String(because) });
}

/** A plugin as a value: `plugin()` makes it. */
export class Plugin {
  #handlers;

  constructor(description, handlers, wants) {
    this.description = description;
    this.wants = wants;
    this.#handlers = handlers;
    Object.freeze(this);
  }

  get subscriptions() {
    return this.#handlers.map(({ scope, actions }) => ({ scope, actions: [...actions] }));
  }

  /** Does what the host does with a delivery, for tests. */
  async deliver(given) {
    const event = given instanceof Event ? given : given?.event?.();
    if (!(event instanceof Event)) {
      throw new TypeError('deliver() takes an event: plugin.deliver(sample("discussion-comment"))');
    }
    const won = winner(this.#handlers, { scope: event.sentScope, action: event.sentAction });
    return won && answer(won.handler, event, won.seen);
  }

  /** Calls the handler of an event that the host has narrowed. */
  async handle(event) {
    const handler = taker(this.#handlers, event);
    if (handler) return answer(handler, event, event);
    throw new Reject(
      `no handler of this plugin takes \`${event.action}\` of \`${event.scope}\`: the plugin and its manifest disagree, so rebuild it`,
    );
  }
}

async function answer(handler, event, seen) {
  try {
    const shown = show(handler, event, seen);
    return outcomeOf(shown.instead ?? (await handler.handle(shown.view)));
  } catch (error) {
    // What the engine throws where no memory is left: it is the host's to say, which tries that less often.
    if (error === "out of memory") throw error;
    throw failureOf(error);
  }
}

/** The event as its handler takes it, or the answer to one that lacks what nobody promised. */
function show(handler, event, seen) {
  try {
    return { view: event.as(viewOf(handler.scope, handler.actions), seen) };
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    const reason = unpromised({ scope: seen.scope, sentScope: event.sentScope, sentAction: event.sentAction }, error);
    if (reason !== undefined) return { instead: ignored(reason) };
    throw new Reject(
      `the Hub sends a ${error.part} with \`${event.sentScope}\`, and this payload has none: look at what posted it`,
    );
  }
}

export function plugin(parts) {
  const { description, handlers, wants = [] } = checked(parts ?? {}, ["description", "handlers", "wants"], "plugin()");
  if (typeof description !== "string" || description === "") {
    throw new Mistake('plugin(): say what it does: { description: "…", handlers: [greet] }');
  }
  if (!Array.isArray(handlers) || handlers.length === 0) {
    throw new Mistake("plugin(): a plugin handles something: { handlers: [greet] }, with what on() returned");
  }
  handlers.forEach((handler, place) => alone(handlers, place));
  if (!Array.isArray(wants) || !wants.every((want) => want instanceof Wanted)) {
    throw new Mistake('plugin(): wants are a list of what Want makes: { wants: [Want.config("channel")] }');
  }
  return new Plugin(description, [...handlers], [...wants]);
}

/** Refuses what is no handler, and a second one of the same events. */
function alone(handlers, place) {
  const own = handlers[place];
  if (!(own instanceof Handler)) {
    throw new Mistake(`plugin(): handler ${place + 1} is none: on("…", (event) => …) makes one`);
  }
  for (const other of handlers.slice(0, place)) {
    const shared = own.actions.length === 0 ? other.actions[0] ?? "every action" : sharedAction(own, other);
    if (other.scope !== own.scope || shared === undefined) continue;
    throw new Mistake(`plugin(): two handlers take "${own.scope}" (${shared}): which of the two is meant?`);
  }
}

function sharedAction(own, other) {
  return other.actions.length === 0 ? own.actions[0] : own.actions.find((action) => other.actions.includes(action));
}
