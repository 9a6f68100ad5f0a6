// Calls of the Hub's API: those that plugins need most. The token is granted with the host, and added there.

import { config, ConfigError } from "./ability.js";
import { http } from "./http.js";

/** The most redirects that are followed when something is read. */
const REDIRECTS_MAX = 5;

const WAIT_MS = 60_000;
const WAIT_MAX_MS = 3_600_000;

/** Why a call of the Hub failed. */
export class HubError extends Error {
  isOrdinary = true;
  name = "HubError";

  constructor(call, response) {
    super(`${call}: the Hub answers ${response.status}${words(response)}`);
    this.status = response.status;
    if (response.status === 429) this.afterMs = limitMs(response);
    else if (response.status === 503) this.afterMs = response.retryAfterMs;
  }

  /** Whether no later attempt could do better: time-outs, limits and what stands in the way now may go by. */
  get isFinal() {
    return this.status < 500 && ![408, 409, 412, 429].includes(this.status);
  }
}

function words(response) {
  try {
    const { error, message } = response.json();
    const said = error?.message ?? error ?? message;
    return said ? `: ${String(said).slice(0, 300)}` : "";
  } catch {
    return "";
  }
}

/** `RateLimit: "api";r=0;t=55`: of the limit none remain, and it begins anew in 55 seconds. */
function limitMs(response) {
  const limits = (response.header("ratelimit") ?? "").split(",").map((limit) => {
    const parts = Object.fromEntries(limit.split(";").map((part) => part.split("=").map((text) => text.trim())));
    // A second more, as times are cut to whole seconds.
    return Number(parts.r) === 0 && /^\d+$/.test(parts.t ?? "") ? (Number(parts.t) + 1) * 1000 : 0;
  });
  return Math.min(Math.max(...limits) || response.retryAfterMs || WAIT_MS, WAIT_MAX_MS);
}

function endpoint() {
  const set = config.get("hub-endpoint");
  if (set === undefined) return "https://huggingface.co";
  if (/^https?:\/\/[^/?#@\s]+\/?$/.test(set)) return set.replace(/\/$/, "");
  throw new ConfigError(
    "the setting `hub-endpoint` is not `https://` and a host, with nothing after it: mend it under `[config]` of the plugin's grant",
  );
}

const PART = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** A repo's place in the API. What is no name could lead elsewhere. */
function place(repo, sites) {
  const { type, name } = repo ?? {};
  const parts = String(name).split("/");
  if (!["model", "dataset", "space"].includes(type) || parts.length > 2 || !parts.every((part) => PART.test(part))) {
    throw mistake(`${JSON.stringify({ type, name })} is no repo: give event.repo, or { type: "model", name: "a/b" }`);
  }
  if (sites === "api") return `/api/${type}s/${name}`;
  return type === "model" ? `/${name}` : `/${type}s/${name}`;
}

function thread(repo, num) {
  if (!Number.isSafeInteger(num) || num < 1) throw mistake(`${num} is no discussion's number`);
  return `${place(repo, "api")}/discussions/${num}`;
}

/** Reads, from where it is redirected to on the same host, too: so a repo that was renamed answers. */
function read(path) {
  let url = endpoint() + path;
  for (let followed = 0; ; followed++) {
    const response = http.get(url);
    const next = followed < REDIRECTS_MAX ? redirected(response, url) : undefined;
    if (next === undefined) return checked(`GET ${path}`, response);
    url = next;
  }
}

function redirected(response, from) {
  const location = response.header("location");
  if (location === undefined || ![301, 302, 303, 307, 308].includes(response.status)) return undefined;
  const to = new URL(location, from);
  return to.origin === new URL(from).origin ? to.href : undefined;
}

/** Sends what changes something: it is never sent anywhere else. */
function post(path, json) {
  return checked(`POST ${path}`, http.post(endpoint() + path, { json }));
}

function checked(call, response) {
  if (response.ok) return response;
  throw new HubError(call, response);
}

/** A mistake that no other attempt mends. */
const mistake = (text) => Object.assign(new TypeError(`hub: ${text}`), { isFinal: true });

const mark = (runId) => `<!-- hookbox ${runId} -->`;

/** Whether a text ends with a run's mark: one above may be of a text that is quoted. */
const isMarked = (text, runId) => typeof text === "string" && text.trimEnd().split("\n").at(-1).trim() === mark(runId);

export const hub = Object.freeze({
  /** (hub client, `whoami`) */
  whoami: () => read("/api/whoami-v2").json(),

  /** (hub client, `get_discussion_details`) */
  discussion: (repo, num) => read(thread(repo, num)).json(),

  /** (hub client, `comment_discussion`) */
  comment: (repo, num, text) => post(`${thread(repo, num)}/comment`, { comment: text }).json()?.newMessage?.id ?? "",

  /** (hub client, `get_discussion_details`, `comment_discussion`) */
  commentOnce(repo, num, runId, text) {
    const events = hub.discussion(repo, num).events ?? [];
    const found = events.find((event) => isMarked(event?.data?.latest?.raw, runId));
    return found ? String(found.id) : hub.comment(repo, num, `${text.trimEnd()}\n\n${mark(runId)}`);
  },

  /** (hub client, `hf_hub_url`; the raw form answers in one step) */
  readFile(repo, path, revision = "main") {
    const parts = path.split("/");
    if (parts.some((part) => ["", ".", ".."].includes(part)) || !PART.test(revision) || revision.includes("..")) {
      throw mistake(`${JSON.stringify(`${revision}/${path}`)} is no file of a repo`);
    }
    return read(`${place(repo, "site")}/raw/${revision}/${parts.map(encodeURIComponent).join("/")}`).text();
  },
});
