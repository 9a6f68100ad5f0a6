// Requests to hosts that the operator granted. The host of the plugin sends them and adds the credential: a plugin
// never sees one. Calls wait by themselves. Redirects are not followed: the answer is the redirect.

import { host } from "./ability.js";

/** Why a request has no answer. */
export class HttpError extends Error {
  isOrdinary = true;
  name = "HttpError";

  constructor(kind, detail, request) {
    super(request ? `${request}: ${detail}` : detail);
    this.kind = kind;
    this.detail = detail;
  }

  /** Whether no later attempt could do better: the request itself is the fault. */
  get isFinal() {
    return this.kind === "invalid" || this.kind === "too-large";
  }
}

/** An answer, whatever its status. */
export class Response {
  constructor(status, { headers = [], body = new Uint8Array() } = {}) {
    this.status = status;
    this.headers = headers.map(([name, value]) => [name.toLowerCase(), value]);
    this.bytes = body;
  }

  get ok() {
    return this.status >= 200 && this.status < 300;
  }

  /** A header, by its case-insensitive name. */
  header(name) {
    return this.headers.find(([known]) => known === name.toLowerCase())?.[1];
  }

  text() {
    return new TextDecoder().decode(this.bytes);
  }

  json() {
    try {
      return JSON.parse(this.text());
    } catch (error) {
      throw new HttpError("broken", `the answer is no JSON (${error.message})`);
    }
  }

  /** In how many milliseconds to ask again, where a `Retry-After` says so in seconds; an hour at most. */
  get retryAfterMs() {
    const seconds = this.header("retry-after")?.trim() ?? "";
    return /^\d+$/.test(seconds) ? Math.min(Number(seconds), 3600) * 1000 : undefined;
  }
}

const OPTIONS = ["headers", "query", "body", "json", "timeoutMs"];

function request(method, url, options = {}) {
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown) throw new TypeError(`http: there is no \`${unknown}\`: take ${OPTIONS.join(", ")}`);
  if (options.json !== undefined && options.body !== undefined) {
    throw new TypeError("http: a request has `json` or a `body`, and not both");
  }
  const to = target(url, options.query);
  const shown = `${method} ${to.origin}${to.pathname}`;
  const headers = Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]);
  let body = options.body ?? new Uint8Array();
  if (options.json !== undefined) {
    body = JSON.stringify(options.json);
    if (!headers.some(([name]) => name === "content-type")) headers.push(["content-type", "application/json"]);
  }
  if (typeof body === "string") body = new TextEncoder().encode(body);
  if (!(body instanceof Uint8Array)) throw new TypeError("http: a `body` is a text or a Uint8Array; take `json`");
  const { send } = host();
  if (!send) throw new HttpError("denied", "there is no network here: testing.http() stands for one", shown);
  try {
    return send({ method, url: to, headers, body, timeoutMs: options.timeoutMs });
  } catch (error) {
    throw error instanceof HttpError ? new HttpError(error.kind, error.detail, shown) : error;
  }
}

function target(address, query = {}) {
  let url;
  try {
    url = new URL(address);
  } catch {
    throw new HttpError("invalid", `${JSON.stringify(String(address))} is no address`);
  }
  if ((url.protocol !== "https:" && url.protocol !== "http:") || url.username || url.password) {
    throw new HttpError("invalid", `\`${url.host}\`: an address is https://, a host and a path, without a user`);
  }
  for (const [name, value] of Object.entries(query)) url.searchParams.append(name, value);
  url.hash = "";
  return url;
}

export const http = Object.freeze({
  request,
  get: (url, options) => request("GET", url, options),
  post: (url, options) => request("POST", url, options),
  put: (url, options) => request("PUT", url, options),
  patch: (url, options) => request("PATCH", url, options),
  delete: (url, options) => request("DELETE", url, options),
});

/** What `fetch` is replaced with: where the host denies one, no `try` would see it. */
export function noFetch() {
  throw new TypeError('a plugin has no fetch(): take http.get() or http.post(), import { http } from "…/hookbox.js"');
}
