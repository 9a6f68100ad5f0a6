// What stands where the host would be when a plugin is tested with `node --test`: events, its network, its store, its
// settings, its log and its time. Each counts until it is called again; `reset` takes all of them away.

import { readdirSync, readFileSync } from "node:fs";

import { stand, StateError } from "./ability.js";
import { Event } from "./events.js";
import { HttpError, noFetch, Response } from "./http.js";

export { reset } from "./ability.js";

const SAMPLES = new URL("../samples/", import.meta.url);

/** The names of all samples. */
export function samples() {
  const files = readdirSync(SAMPLES).filter((file) => file.endsWith(".json"));
  return files.map((file) => file.slice(0, -".json".length)).sort();
}

/** One of the payloads that `hookbox send --list` shows, to be changed and delivered. */
export function sample(name) {
  if (!samples().includes(name)) {
    throw new TypeError(`there is no sample "${name}": take one of ${samples().join(", ")}`);
  }
  return new Sample(JSON.parse(readFileSync(new URL(`${name}.json`, SAMPLES), "utf8")));
}

/** An event with a payload of one's own: an object, a text or bytes. */
export function event(payload) {
  return new Sample(payload).event();
}

/** A payload that becomes an event. Each method changes one thing and returns the sample. */
export class Sample {
  #facts = {};
  #headers = [["content-type", "application/json"]];

  constructor(payload) {
    this.payload = payload;
  }

  content(text) {
    return this.set("/comment/content", text);
  }

  title(text) {
    return this.set("/discussion/title", text);
  }

  status(word) {
    return this.set("/discussion/status", word);
  }

  /** Who wrote the comment; without one, who opened the discussion. */
  author(id) {
    return this.set(this.payload.comment ? "/comment/author/id" : "/discussion/author/id", id);
  }

  repo(name, type = this.payload.repo?.type) {
    return this.set("/repo/name", name).set("/repo/type", type);
  }

  private(isPrivate = true) {
    return this.set("/repo/private", isPrivate);
  }

  scope(scope) {
    return this.set("/event/scope", scope);
  }

  action(action) {
    return this.set("/event/action", action);
  }

  /** Sets anything in the payload, by its JSON pointer; `undefined` takes it away. */
  set(pointer, value) {
    const keys = pointer.split("/").slice(1);
    const last = keys.pop();
    let at = this.payload;
    for (const key of keys) at = at[key] ??= {};
    if (value === undefined) delete at[last];
    else at[last] = value;
    return this;
  }

  attempt(number) {
    this.#facts.attempt = number;
    return this;
  }

  runId(id) {
    this.#facts.runId = id;
    return this;
  }

  header(name, value) {
    this.#headers.unshift([name.toLowerCase(), value]);
    return this;
  }

  event() {
    const { payload } = this;
    const bytes = payload instanceof Uint8Array ? payload : new TextEncoder().encode(asText(payload));
    const { event = {}, repo = {} } = facts(bytes);
    const { scope = "", action = "" } = event;
    const delivery = {
      id: "00000000-0000-7000-8000-000000000001",
      runId: "00000000-0000-7000-8000-000000000002",
      attempt: 1,
      receivedAt: 1_767_225_600_000n,
      ...this.#facts,
      event: {
        scope,
        action,
        sentScope: scope,
        sentAction: action,
        repoType: repo.type,
        repoName: repo.name,
        repoId: repo.id,
      },
    };
    const headers = [...this.#headers];
    const header = (name) => headers.find(([known]) => known === name.toLowerCase())?.[1];
    return new Event(delivery, { payload: () => bytes, header });
  }
}

function asText(payload) {
  return typeof payload === "string" ? payload : JSON.stringify(payload);
}

/** What the host reads of a payload, whatever it is. */
function facts(bytes) {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return {};
  }
}

/** A `[config]` of these keys and values. */
export function config(settings) {
  const entries = Object.entries(settings).map(([key, value]) => [key, String(value)]);
  stand({ settings: () => entries });
}

/** A store that holds these texts or bytes. */
export function state(entries = {}) {
  const kept = new Map();
  const writes = [];
  const store = storeOf(kept, writes);
  for (const [key, value] of Object.entries(entries)) kept.set(key, encoded(value));
  stand({ store: () => store });
  return {
    /** What it holds, as texts. */
    entries: () => Object.fromEntries([...kept].map(([key, value]) => [key, new TextDecoder().decode(value)])),
    /** What was written since, in order: `set KEY` and `delete KEY`. */
    writes,
  };
}

const encoded = (value) => (typeof value === "string" ? new TextEncoder().encode(value) : value);

/** The store, with the bounds of the host. */
function storeOf(kept, writes) {
  const checked = (key) => {
    const length = new TextEncoder().encode(key).length;
    if (length >= 1 && length <= 1024) return key;
    throw new StateError(`state: a key has 1 to 1024 bytes, and this one ${length}`);
  };
  const set = (key, value) => {
    if (value.length > 1024 * 1024) throw new StateError("state: a value has at most 1 MiB");
    writes.push(`set ${checked(key)}`);
    kept.set(key, value);
  };
  const delete_ = (key) => {
    writes.push(`delete ${checked(key)}`);
    kept.delete(key);
  };
  const increment = (key, by) => {
    const text = kept.has(checked(key)) ? new TextDecoder().decode(kept.get(key)) : "0";
    if (!/^\d+$/.test(text)) throw new StateError("state: the value is no decimal number");
    const sum = BigInt(text) + BigInt(by);
    if (sum >= 2n ** 64n) throw new StateError("state: the sum has more than 64 bits");
    set(key, encoded(String(sum)));
    return Number(sum);
  };
  const get = (key) => kept.get(checked(key));
  return { get, set, delete: delete_, exists: (key) => kept.has(checked(key)), increment, keys: () => [...kept.keys()].sort() };
}

/** A network that answers what it was told, and keeps what it was asked. */
export function http() {
  const answers = new Map();
  const requests = [];
  stand({ send: (request) => answered(answers, requests, request) });
  return {
    /**
     * Answers a request: `answers("POST", "https://slack.com/api/x", { json: { ok: true } })`. The address is compared
     * with the query if it has one, else without. Several answers are given in turn; the last one stays.
     */
    answers(method, url, answer = {}) {
      const call = `${method} ${url}`;
      answers.set(call, [...(answers.get(call) ?? []), answer]);
      return this;
    },
    /** The requests so far: `method`, `url`, `headers`, `body` as a text, and `json` where it is some. */
    requests,
    /** The same as `POST https://…`. */
    asked: () => requests.map(({ method, url }) => `${method} ${url}`),
  };
}

function answered(answers, requests, { method, url, headers, body }) {
  const text = new TextDecoder().decode(body);
  requests.push({ method, url: url.href, headers: Object.fromEntries(headers), body: text, json: json(text) });
  const bare = `${method} ${url.origin}${url.pathname}`;
  // Who names the query is meant first.
  const line = answers.get(`${method} ${url.href}`) ?? answers.get(bare);
  if (!line) {
    throw new HttpError("denied", `the test has no answer to \`${bare}\`: give it one with answers()`);
  }
  const answer = line.length > 1 ? line.shift() : line[0];
  if (answer.error) throw new HttpError(answer.error, `the test answers with \`${answer.error}\``);
  const said = answer.json === undefined ? (answer.body ?? "") : JSON.stringify(answer.json);
  return new Response(answer.status ?? 200, { headers: Object.entries(answer.headers ?? {}), body: encoded(said) });
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Keeps the lines that are logged, as `INFO text`, in place of printing them. */
export function logs() {
  const lines = [];
  stand({ log: (level, text) => lines.push(`${level.toUpperCase()} ${text}`) });
  return lines;
}

/** A time that stands still until it is moved on. */
export function clock(start) {
  let now = Number(start);
  stand({ now: () => now });
  return {
    advance(ms) {
      now += ms;
    },
  };
}

// In the component there is none either.
globalThis.fetch = noFetch;
