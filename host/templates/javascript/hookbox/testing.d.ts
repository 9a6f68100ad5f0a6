// What stands where the host would be when a plugin is tested with `node --test`. Each counts until it is called again;
// without it a test has what a plugin without a grant has.

import type { Event } from "./hookbox.js";

/**
 * One of the payloads that `hookbox send --list` shows, to be changed and delivered:
 *
 * ```js
 * const said = await plugin.deliver(sample("discussion-comment").content("Hello!"));
 * ```
 */
export function sample(name: SampleName): Sample;

/** The names of all samples. */
export function samples(): string[];

/** An event with a payload of one's own: an object, a text or bytes. */
export function event(payload: object | string | Uint8Array): Event;

export type SampleName =
  | "repo-create" | "repo-delete" | "repo-move" | "repo-update" | "repo-content" | "repo-content-tag"
  | "repo-content-pr" | "bucket-content" | "repo-config" | "discussion" | "discussion-pr" | "discussion-update"
  | "discussion-delete" | "discussion-comment" | "discussion-comment-edit" | "discussion-comment-hidden"
  | "unknown-scope";

/** A payload that becomes an event. Each method changes one thing and returns the sample. */
export class Sample {
  /** The payload itself. */
  payload: any;
  /** The comment's text. */
  content(text: string): this;
  /** The discussion's title. */
  title(text: string): this;
  /** Where the discussion stands. */
  status(word: string): this;
  /** Who wrote the comment; without one, who opened the discussion. */
  author(id: string): this;
  repo(name: string, type?: string): this;
  private(isPrivate?: boolean): this;
  scope(scope: string): this;
  action(action: string): this;
  /** Sets anything in the payload, by its JSON pointer (`/repo/headSha`); `undefined` takes it away. */
  set(pointer: string, value: unknown): this;
  attempt(number: number): this;
  runId(id: string): this;
  header(name: string, value: string): this;
  event(): Event;
}

/** A `[config]` of these keys and values. */
export function config(settings: Record<string, string>): void;

/** A store that holds these texts or bytes. */
export function state(entries?: Record<string, string | Uint8Array>): {
  /** What it holds, as texts. */
  entries(): Record<string, string>;
  /** What was written since, in order: `set KEY` and `delete KEY`. */
  readonly writes: readonly string[];
};

/** What a test's network answers: a status (200), headers, a body or JSON; or an error, by its kind. */
export interface TestAnswer {
  status?: number;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  json?: unknown;
  /** No answer: `"timeout"`, `"unreachable"`, `"denied"`… */
  error?: string;
}

/** A network that answers what it was told, and keeps what it was asked. */
export function http(): TestNetwork;

export interface TestNetwork {
  /**
   * Answers a request: `answers("POST", "https://slack.com/api/x", { json: { ok: true } })`. The address is compared
   * with the query if it has one, else without. Several answers are given in turn; the last one stays.
   */
  answers(method: string, url: string, answer?: TestAnswer): this;
  /** The requests so far. */
  readonly requests: readonly {
    method: string;
    url: string;
    headers: Record<string, string>;
    /** The body as a text. */
    body: string;
    /** The body as JSON, if it is some. */
    json: any;
  }[];
  /** The same as `POST https://…`. */
  asked(): string[];
}

/** Keeps the lines that are logged, as `INFO text`, in place of printing them. */
export function logs(): string[];

/** A time that stands still until it is moved on: a date, or milliseconds since the Unix epoch. */
export function clock(start: Date | number): { advance(ms: number): void };

/** Takes all of these away. */
export function reset(): void;
