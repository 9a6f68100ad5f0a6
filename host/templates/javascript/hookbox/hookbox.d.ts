// What a plugin imports from `hookbox.js`, described.

/** What handlers are made for: an exact scope, a subtree (`repo.*`), or `*` for all. */
export type Scope =
  | "repo" | "repo.content" | "repo.config" | "discussion" | "discussion.comment"
  | "repo.*" | "repo.content.*" | "repo.config.*" | "discussion.*" | "discussion.comment.*" | "*"
  | (string & {});

/** What happened to it. `move` comes with `repo`. */
export type Action = "create" | "update" | "delete" | "move" | (string & {});

/** The event that a handler of a scope takes. */
export type EventOf<S extends string> = S extends "repo.content" | `repo.content.${string}` ? ContentEvent
  : S extends "repo.config" | `repo.config.${string}` ? ConfigEvent
  : S extends "discussion.comment" | `discussion.comment.${string}` ? CommentEvent
  : S extends "discussion" | `discussion.${string}` ? DiscussionEvent
  : S extends "repo" | `repo.${string}` ? RepoEvent
  : Event;

/** What a handler returns; a text is `done(text)`, and nothing `done()`. */
export type Answer = Outcome | string | undefined | void;

/** Options of {@link on}. */
export interface Events {
  /** The actions to handle; all if there are none. */
  actions?: readonly Action[];
  /** The scope, or an action, is one that this version does not know, although it looks like one that it knows. */
  unknown?: boolean;
}

/**
 * Makes a handler of the events of a scope. What it throws asks for another attempt, unless it is a {@link Reject}.
 *
 * ```js
 * const greet = on("discussion.comment", { actions: ["create"] }, (event) => done(`hello ${event.comment.author.id}`));
 * ```
 */
export function on(
  scope: "repo", options: { actions: readonly ["move"] }, handle: (event: MoveEvent) => Answer | Promise<Answer>,
): Handler;
export function on<S extends Scope>(
  scope: S, options: Events, handle: (event: EventOf<S>) => Answer | Promise<Answer>,
): Handler;
export function on<S extends Scope>(scope: S, handle: (event: EventOf<S>) => Answer | Promise<Answer>): Handler;

/** What {@link on} makes. */
export interface Handler {
  readonly scope: string;
  readonly actions: readonly string[];
}

/**
 * Makes a plugin; `src/plugin.js` exports it as its default. Its version is that of `package.json`.
 *
 * ```js
 * export default plugin({ description: "Says hello", handlers: [greet], wants: [Want.config("greeting")] });
 * ```
 */
export function plugin(parts: {
  /** One line that says what it does. */
  description: string;
  /** What {@link on} made; each scope and action once. */
  handlers: readonly Handler[];
  /** What it asks its operator for. */
  wants?: readonly WantedAbility[];
}): Plugin;

/** What {@link plugin} makes. */
export class Plugin {
  private constructor();
  readonly description: string;
  readonly subscriptions: { scope: string; actions: string[] }[];
  readonly wants: readonly WantedAbility[];
  /**
   * Does what the host does with an event, for tests: picks the handler, narrows scope and action to how that one sees
   * them, and calls it. `undefined` if no handler takes it. A failure is thrown, as a {@link Retry} or a {@link Reject}.
   */
  deliver(event: Event | { event(): Event }): Promise<Outcome | undefined>;
}

/** Handled, with a text for the operator; anything else becomes its JSON. Of a text, 16,384 characters are kept: to hand one
 * to the host costs this engine some 2,600 fuel a character. So it is with reasons and log lines. */
export function done(text?: unknown): Outcome;

/** Looked at and left alone, with the reason for the operator. */
export function ignored(text?: unknown): Outcome;

/** How a delivery was handled. */
export class Outcome {
  private constructor();
  readonly kind: "done" | "ignored";
  readonly text: string | undefined;
}

/** Thrown to be tried again: later, by the operator's retry schedule, or after a wait. */
export class Retry extends Error {
  constructor(reason: string, options?: { afterMs?: number; cause?: unknown });
  readonly afterMs: number | undefined;
}

/** Thrown where no later attempt can succeed. */
export class Reject extends Error {
  constructor(reason: string, options?: { cause?: unknown });
}

/** What a plugin asks its operator for. Asking grants nothing: the grant does. */
export const Want: {
  /** Requests over https to a host. Say all methods and paths (globs: `/api/models/**`) that it uses. */
  http(host: string, options?: {
    methods?: readonly string[];
    paths?: readonly string[];
    /** The credential that the host should add, in words for the operator: the plugin never sees it. */
    credential?: string;
  } & WantOptions): WantedAbility;
  /** A setting, by its key. */
  config(key: string, options?: WantOptions): WantedAbility;
  /** A store of its own. The label is for the operator's eyes. */
  state(label: string, options?: WantOptions): WantedAbility;
};

export interface WantOptions {
  /** The plugin is useless without it: the host holds the plugin until it is granted. */
  required?: boolean;
  /** Why, in words for the operator. */
  because?: string;
}

/** What {@link Want} makes. */
export interface WantedAbility {
  readonly kind: "http" | "config" | "state";
  readonly name: string;
  /** Methods, paths and credential as JSON; an empty text if there are none. */
  readonly detail: string;
  readonly required: boolean;
  readonly reason: string;
}

/** One delivery. The payload is fetched from the host and parsed on first use, once. */
export class Event {
  protected constructor();
  /** The delivery's id: the same for every plugin that handles it. */
  readonly id: string;
  /** The idempotency key: the same over all attempts, new when an operator replays the delivery. */
  readonly runId: string;
  /** Which attempt this is, from 1. */
  readonly attempt: number;
  /** When the host received the delivery. */
  readonly receivedAt: Date;
  /** The scope as the subscription sees it: an unknown scope is narrowed to a known one above it. */
  readonly scope: string;
  /** The action as the subscription sees it: `update` where the scope was narrowed. */
  readonly action: string;
  /** The scope as the Hub sent it. */
  readonly sentScope: string;
  /** The action as the Hub sent it. */
  readonly sentAction: string;
  /** The repo's type, if sent; known without parsing the payload. */
  readonly repoType: string | undefined;
  /** The repo's name with its namespace, if sent; known without parsing the payload. */
  readonly repoName: string | undefined;
  /** The repo's id, which survives a rename, if sent; known without parsing the payload. */
  readonly repoId: string | undefined;
  /** The payload, exactly as the Hub sent it. What is not one JSON object is rejected. */
  readonly payload: any;
  /** The exact bytes of the request's body. */
  readonly raw: Uint8Array;
  /** A kept header of the request: `webhook-id`, `content-type`, `user-agent` or `traceparent`. */
  header(name: string): string | undefined;
}

/** Something about a repo: the scope `repo`, and all under it. */
export class RepoEvent extends Event {
  /** The repo. (docs: always there) */
  readonly repo: Repo;
}

/** A repo got another name or owner: `on("repo", { actions: ["move"] }, …)`. */
export class MoveEvent extends RepoEvent {
  /** Where it went; `repo` has the old name. (hub client) */
  readonly to: { readonly name: string; readonly owner: Account };
}

/** The content of a repo changed: the scope `repo.content`. */
export class ContentEvent extends RepoEvent {
  /** The branches, tags and pull request refs that changed; empty for buckets. (docs) */
  readonly refs: readonly RefUpdate[];
  /** The files of a bucket that changed, at most 10,000; empty for git repos. (2026 docs) */
  readonly files: readonly FileUpdate[];
  /** Whether more files changed than are listed. (2026 docs) */
  readonly filesTruncated: boolean;
}

/** The settings of a repo changed: the scope `repo.config`. */
export class ConfigEvent extends RepoEvent {
  /** The settings that changed with their new values; empty where the Hub does not tell which. (docs) */
  readonly changes: Readonly<Record<string, any>>;
}

/** Something about a discussion or a pull request: the scope `discussion`, and all under it. */
export class DiscussionEvent extends RepoEvent {
  /** The discussion or pull request. (docs: always there) */
  readonly discussion: Discussion;
  /** The first comment, where a discussion is created, or the one that an event under this scope is about. (docs) */
  readonly comment: Comment | undefined;
}

/** Something about a comment: the scope `discussion.comment`. */
export class CommentEvent extends DiscussionEvent {
  /** The comment; a hidden one has no content. (docs: always there) */
  readonly comment: Comment;
}

/** The repo that an event happened to. */
export interface Repo {
  /** Its type. (docs; `bucket`: 2026 docs) */
  readonly type: "model" | "dataset" | "space" | "bucket" | (string & {});
  /** Its name with the namespace, `openai-community/gpt2`; old ones have none. (docs) */
  readonly name: string;
  /** Its id, which survives a rename. (docs) */
  readonly id: string;
  /** Whether it is private; `undefined` if not told, so that nobody takes a private repo for a public one. (docs) */
  readonly private: boolean | undefined;
  /** The head of `main`, where the scope is `repo` or under it, but not for buckets. (docs) */
  readonly headSha: string | undefined;
  /** Its tags. (docs of 2025, for models; no longer documented) */
  readonly tags: readonly string[];
  /** The subdomain of a Space's app. (hub client) */
  readonly subdomain: string | undefined;
  /** Its pages. (docs) */
  readonly url: Url;
  /** Who owns it. (docs; `author` in the beta docs) */
  readonly owner: Account;
  readonly isModel: boolean;
  readonly isDataset: boolean;
  readonly isSpace: boolean;
  readonly isBucket: boolean;
  /** The user or organisation in its name. */
  readonly namespace: string | undefined;
}

/** Where something is. Never send a token to a host because it stands here. */
export interface Url {
  /** For people. (docs) */
  readonly web: string | undefined;
  /** For programs. (docs; comments have none) */
  readonly api: string | undefined;
}

/** A user or an organisation. The Hub sends no names. */
export interface Account {
  /** Its id. (docs) */
  readonly id: string;
}

/** A discussion or a pull request. */
export interface Discussion {
  /** Its id. (docs) */
  readonly id: string;
  /** Its number in the repo; 0 if not told. (docs) */
  readonly num: number;
  /** Its title. (docs) */
  readonly title: string;
  /** Where it stands. (hub client) */
  readonly status: "open" | "draft" | "closed" | "merged" | (string & {});
  /** Who opened it. (docs) */
  readonly author: Account;
  /** Its pages. (docs) */
  readonly url: Url;
  /** Whether it is a pull request. (docs) */
  readonly isPullRequest: boolean;
  /** What a pull request changes: the ref it goes into (docs), and the commit that merged it (hub client). */
  readonly changes: { readonly base: string | undefined; readonly mergeCommitId: string | undefined } | undefined;
  /** Whether it is pinned. (hub client) */
  readonly pinned: boolean;
  /** Whether work on it goes on: open or draft. */
  readonly isOpen: boolean;
  /** Whether it is a pull request that was merged. */
  readonly isMerged: boolean;
}

/** A comment in a discussion. */
export interface Comment {
  /** Its id. (docs) */
  readonly id: string;
  /** Who wrote it. (docs) */
  readonly author: Account;
  /** Its text in Markdown; absent when it is hidden. (docs) */
  readonly content: string | undefined;
  /** Whether it was hidden. (docs) */
  readonly hidden: boolean;
  /** Its page. (docs) */
  readonly url: Url;
  /** Whether it can be read: it was not hidden. */
  readonly isVisible: boolean;
}

/** A branch, a tag or a pull request's ref that changed. */
export interface RefUpdate {
  /** Its full name: `refs/heads/main`, `refs/tags/v1`, `refs/pr/5`. (docs) */
  readonly name: string;
  /** Its commit before; absent if it was created. (docs) */
  readonly oldSha: string | undefined;
  /** Its commit now; absent if it was deleted. (docs) */
  readonly newSha: string | undefined;
  /** What happened to it. */
  readonly change: "created" | "updated" | "deleted";
  readonly created: boolean;
  readonly updated: boolean;
  readonly deleted: boolean;
  /** Its commit before, if that is a commit's id, so that it can be asked for. */
  readonly oldCommit: string | undefined;
  /** Its commit now, if that is a commit's id, so that it can be asked for. */
  readonly newCommit: string | undefined;
  readonly isBranch: boolean;
  readonly isTag: boolean;
  readonly isPullRequest: boolean;
  /** Its name without the kind: `main`, `v1`, `5`. */
  readonly shortName: string;
}

/** A bucket's file that changed. (2026 docs) */
export interface FileUpdate {
  readonly path: string;
  readonly action: "add" | "delete" | (string & {});
  /** The hash of its content. */
  readonly xetHash: string | undefined;
  /** Its size in bytes. */
  readonly size: number | undefined;
}

/** The operator's settings: the grant's `[config]`. Never secrets: the host adds credentials itself. */
export const config: {
  /** A setting, if the operator has set it, or else something else. */
  get(key: string): string | undefined;
  get(key: string, otherwise: string): string;
  /** A setting that the plugin cannot do without; throws a {@link ConfigError} that names the line to add. */
  require(key: string): string;
  /** All settings. */
  all(): Record<string, string>;
};

/** A setting is missing, or cannot be read. */
export class ConfigError extends Error {}

/**
 * What the plugin keeps: keys (1 to 1,024 bytes) and values (at most 1 MiB) of its own that outlive a delivery, granted
 * by `[state]`. What an attempt wrote is kept with its end, or not at all: after a `Retry` it never was.
 */
export const state: {
  /** A value as text. */
  get(key: string): string | undefined;
  getBytes(key: string): Uint8Array | undefined;
  set(key: string, value: string | Uint8Array): void;
  delete(key: string): void;
  exists(key: string): boolean;
  /** Adds to the number that a key holds in decimal digits, and returns the sum. A key that is not there holds 0. */
  increment(key: string, by?: number): number;
  keys(): string[];
};

/** The plugin has no state, or the host refuses a key or a value. */
export class StateError extends Error {}

/** Options of a request. */
export interface RequestOptions {
  headers?: Record<string, string>;
  /** Added to the address. */
  query?: Record<string, string>;
  body?: string | Uint8Array;
  /** A body as JSON, with its `content-type`. */
  json?: unknown;
  /** How long to wait, in place of the grant's bound; never longer than that. */
  timeoutMs?: number;
}

/**
 * Requests to hosts that the operator granted. They wait by themselves: no `await` is needed. The host adds the granted
 * credential; a plugin sets no `authorization`. Redirects are not followed. No answer is an {@link HttpError}; every
 * status is an answer.
 */
export const http: {
  request(method: string, url: string, options?: RequestOptions): Response;
  get(url: string, options?: RequestOptions): Response;
  post(url: string, options?: RequestOptions): Response;
  put(url: string, options?: RequestOptions): Response;
  patch(url: string, options?: RequestOptions): Response;
  delete(url: string, options?: RequestOptions): Response;
};

/** An answer, whatever its status. */
export class Response {
  private constructor();
  readonly status: number;
  /** Whether the status is 200 to 299. */
  readonly ok: boolean;
  /** All headers, their names in lower case. */
  readonly headers: readonly (readonly [string, string])[];
  readonly bytes: Uint8Array;
  /** A header, by its case-insensitive name. */
  header(name: string): string | undefined;
  text(): string;
  /** The body as JSON; what is none is an {@link HttpError}. */
  json(): any;
  /** In how many milliseconds to ask again, where a `Retry-After` says so in seconds; an hour at most. */
  readonly retryAfterMs: number | undefined;
}

/** Why a request has no answer. `invalid` and `too-large` are final, all others ask for another attempt. */
export class HttpError extends Error {
  readonly kind:
    | "denied" | "prohibited" | "unknown-host" | "unreachable" | "tls" | "timeout" | "broken" | "invalid" | "too-large";
  /** Why, without the request. */
  readonly detail: string;
}

/** A repo, as `event.repo` is one. */
export interface RepoName {
  readonly type: string;
  readonly name: string;
}

/**
 * Calls of the Hub's API, for which the grant names the host and the token. The setting `hub-endpoint` leads to another
 * Hub. A `no` of the Hub is a {@link HubError}, which asks for another attempt after the wait that a limit names, or is
 * final.
 */
export const hub: {
  /** Whose token it is. */
  whoami(): any;
  /** A discussion or pull request with its events. */
  discussion(repo: RepoName, num: number): any;
  /** Writes a comment, and returns its id. A repeated attempt writes it again: see `commentOnce`. */
  comment(repo: RepoName, num: number, text: string): string;
  /** Writes a comment unless this run has written it there: it ends with a mark that is not shown. */
  commentOnce(repo: RepoName, num: number, runId: string, text: string): string;
  /** A file's text at a revision, `main` by default: a branch, a tag or a commit that is one part of a path. */
  readFile(repo: RepoName, path: string, revision?: string): string;
};

/** The Hub said no. */
export class HubError extends Error {
  readonly status: number;
  /** Whether no later attempt could do better. */
  readonly isFinal: boolean;
  /** The wait that it names. */
  readonly afterMs: number | undefined;
}

/** Log lines, kept with the attempt and shown to the operator; bounded. `console` writes them too. */
export const log: Record<"trace" | "debug" | "info" | "warn" | "error", (...parts: unknown[]) => void>;

/** The time, which `testing.clock` can hold. */
export const clock: {
  now(): Date;
  /** In milliseconds since the Unix epoch. */
  nowMs(): number;
};
