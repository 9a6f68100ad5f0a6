// The component: the only file that imports the interface. What `hookbox build` makes of a project starts here.

import { header, payload } from "hookbox:plugin/raw@0.1.0";
import { log } from "wasi:logging/logging@0.1.0-draft";
import { getAll } from "wasi:config/store@0.2.0-rc.1";
import { open } from "wasi:keyvalue/store@0.2.0-draft";
import { increment } from "wasi:keyvalue/atomics@0.2.0-draft";
import { handle as send } from "wasi:http/outgoing-handler@0.2.12";
import { Fields, IncomingBody, OutgoingBody, OutgoingRequest, RequestOptions } from "wasi:http/types@0.2.12";

import { ConfigError, stand, StateError } from "./ability.js";
import { Event } from "./events.js";
import { HttpError, noFetch, Response } from "./http.js";
import { cut, Retry } from "./outcomes.js";
import { Plugin } from "./plugin.js";

/** The most bytes of an answer that are taken from the host at once. */
const READ_BYTES = 65536n;

/** The most pages of keys that are asked for: the host's own bound is far below. */
const PAGES_MAX = 10_000;

// Once, while the component is made.
globalThis.fetch = noFetch;
stand({ log: logged, settings, store, send: sent });

/** The exports of a component. */
export function component(plugin, version) {
  if (!(plugin instanceof Plugin)) {
    throw new TypeError("src/plugin.js exports no plugin: export default plugin({ description: …, handlers: […] })");
  }
  return {
    describe: () => ({
      version,
      description: plugin.description,
      subscriptions: plugin.subscriptions,
      wants: plugin.wants.map((want) => ({ ...want })),
    }),
    handle: (delivery) => handle(plugin, delivery),
  };
}

async function handle(plugin, delivery) {
  try {
    const { kind, text } = await plugin.handle(new Event(delivery, { payload, header }));
    return { tag: kind, val: text === undefined ? undefined : cut(text) };
  } catch (failure) {
    throw told(failure);
  }
}

/** A failure as the interface has it. */
function told(failure) {
  if (!(failure instanceof Error)) return failure;
  // What went wrong in the plugin itself is told with its place.
  if (failure.cause?.stack && !failure.cause.isOrdinary) logged("error", `${failure.cause}\n${failure.cause.stack}`);
  const reason = cut(failure.message);
  if (!(failure instanceof Retry)) return { tag: "rejected", val: reason };
  const afterMs = failure.afterMs === undefined ? undefined : BigInt(Math.ceil(failure.afterMs));
  return { tag: "retry", val: { reason, afterMs } };
}

function logged(level, text) {
  log(level, "", cut(text));
}

function settings() {
  try {
    return getAll();
  } catch (error) {
    throw new ConfigError(`the settings cannot be read: ${error.payload?.val ?? error}`);
  }
}

/** Calls the store; its errors are told in the host's words. */
function kept(call) {
  try {
    return call();
  } catch (error) {
    if (error.payload?.tag === "other") throw new StateError(`state: ${error.payload.val}`);
    if (error.payload === undefined) throw error;
    throw new StateError("the plugin has no state: add a table `[state]` to its grant");
  }
}

function store() {
  const bucket = kept(() => open(""));
  return {
    get: (key) => kept(() => bucket.get(key)),
    set: (key, value) => kept(() => bucket.set(key, value)),
    delete: (key) => kept(() => bucket.delete(key)),
    exists: (key) => kept(() => bucket.exists(key)),
    increment: (key, by) => Number(kept(() => increment(bucket, key, BigInt(by)))),
    keys: () => kept(() => keys(bucket)),
  };
}

function keys(bucket) {
  const found = [];
  let cursor;
  for (let page = 0; page < PAGES_MAX; page++) {
    const answer = bucket.listKeys(cursor);
    found.push(...answer.keys);
    cursor = answer.cursor;
    if (cursor === undefined) return found;
  }
  throw new StateError("state: the list of keys does not end");
}

/** Sends a request and waits for the whole answer. It is handed over before its body is written. */
function sent(request) {
  const outgoing = head(request);
  const body = request.body.length > 0 ? outgoing.body() : undefined;
  let answer;
  try {
    answer = send(outgoing, waits(request.timeoutMs));
  } catch (error) {
    throw failed(error.payload);
  }
  if (body) write(body, request.body);
  return received(answer);
}

function head({ method, url, headers, body }) {
  const all = [...headers];
  const hasBody = body.length > 0 || ["POST", "PUT", "PATCH"].includes(method);
  if (hasBody && !all.some(([name]) => name === "content-length")) all.push(["content-length", String(body.length)]);
  const encoder = new TextEncoder();
  let fields;
  try {
    fields = Fields.fromList(all.map(([name, value]) => [name, encoder.encode(value)]));
  } catch (error) {
    throw new HttpError("invalid", `a header is not well-formed, or reserved to the host (${error.payload?.tag})`);
  }
  const outgoing = new OutgoingRequest(fields);
  try {
    outgoing.setMethod({ tag: method.toLowerCase() });
    outgoing.setScheme({ tag: url.protocol === "https:" ? "HTTPS" : "HTTP" });
    outgoing.setAuthority(url.host);
    outgoing.setPathWithQuery(url.pathname + url.search);
  } catch {
    throw new HttpError("invalid", "the method or the address is not well-formed");
  }
  return outgoing;
}

function waits(timeoutMs) {
  if (timeoutMs === undefined) return undefined;
  const options = new RequestOptions();
  const wait = BigInt(Math.ceil(timeoutMs * 1e6));
  options.setConnectTimeout(wait);
  options.setFirstByteTimeout(wait);
  options.setBetweenBytesTimeout(wait);
  return options;
}

/** Writes the body and ends it. Why nobody took it is said by the answer, or by why there is none. */
function write(body, bytes) {
  try {
    const stream = body.write();
    let at = 0;
    while (at < bytes.length) {
      const room = Number(stream.checkWrite());
      if (room === 0) {
        wait(stream);
        continue;
      }
      stream.write(bytes.subarray(at, at + room));
      at += room;
    }
    stream.blockingFlush();
    stream[Symbol.dispose]();
    OutgoingBody.finish(body, undefined);
  } catch (error) {
    if (error.payload === undefined) throw error;
  }
}

function wait(on) {
  const pollable = on.subscribe();
  pollable.block();
  pollable[Symbol.dispose]();
}

function received(answer) {
  wait(answer);
  const got = answer.get();
  if (got?.tag !== "ok") throw new HttpError("broken", "the host has no answer");
  if (got.val.tag !== "ok") throw failed(got.val.val);
  const incoming = got.val.val;
  const decoder = new TextDecoder();
  const fields = incoming.headers();
  const headers = fields.entries().map(([name, value]) => [name, decoder.decode(value)]);
  fields[Symbol.dispose]();
  return new Response(incoming.status(), { headers, body: read(incoming.consume()) });
}

function read(body) {
  const stream = body.stream();
  const parts = [];
  try {
    for (;;) parts.push(stream.blockingRead(READ_BYTES));
  } catch (error) {
    if (error.payload?.tag !== "closed") throw interrupted(error);
  }
  stream[Symbol.dispose]();
  IncomingBody.finish(body);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A body that was interrupted. The host has no code for it, only a text. */
function interrupted(error) {
  const text = error.payload?.val?.toDebugString?.() ?? String(error);
  const says = (word) => text.toLowerCase().includes(word);
  let kind = "broken";
  if (says("exceeds limit") || says("bodysize")) kind = "too-large";
  else if (says("timeout") || says("timed out")) kind = "timeout";
  return new HttpError(kind, `the body was interrupted (${text})`);
}

/** The host's codes, by what a plugin can do about them. */
const KINDS = {
  denied: ["HTTP-request-denied", "configuration-error"],
  prohibited: ["destination-IP-prohibited", "destination-IP-unroutable"],
  "unknown-host": ["DNS-error", "destination-not-found"],
  timeout: ["DNS-timeout", "connection-timeout", "connection-read-timeout", "connection-write-timeout", "HTTP-response-timeout"],
  unreachable: ["connection-refused", "connection-terminated", "connection-limit-reached", "destination-unavailable"],
  tls: ["TLS-protocol-error", "TLS-certificate-error", "TLS-alert-received"],
  "too-large": [
    "HTTP-request-body-size",
    "HTTP-response-body-size",
    "HTTP-response-header-section-size",
    "HTTP-response-header-size",
  ],
  invalid: ["HTTP-request-method-invalid", "HTTP-request-URI-invalid", "HTTP-request-URI-too-long"],
};

const DETAILS = {
  denied: "the grant does not allow it, and the attempt's calls say which line would",
  prohibited: "the name leads to an address that plugins may not reach",
  "unknown-host": "the host's name is not known",
  timeout: "there was no answer in time",
  unreachable: "there is no connection",
  tls: "there is no safe connection",
  "too-large": "the request or its answer is larger than is allowed",
  invalid: "the host refuses the request as malformed",
  broken: "the answer is broken",
};

function failed(code) {
  const known = Object.entries(KINDS).find(([, tags]) => tags.some((tag) => tag.toLowerCase() === code?.tag?.toLowerCase()));
  const kind = known?.[0] ?? "broken";
  return new HttpError(kind, `${DETAILS[kind]} (${code?.tag})`);
}
