// What a handler takes: the facts of a delivery, and the parts that the Hub always sends with an event of its scope.

import { Reject } from "./outcomes.js";
import { ACTIONS, isAtOrUnder, KNOWN, top } from "./scopes.js";

// Reading is lenient: what the Hub leaves out, or sends otherwise, counts as not told. Where a field comes from stands
// in hookbox.d.ts.
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const object = (value) => (isObject(value) ? value : {});
const objects = (value) => (Array.isArray(value) ? value.filter(isObject) : []);
const text = (value) => (typeof value === "string" ? value : "");
const optional = (kind) => (value) => (typeof value === kind ? value : undefined);
const [optionalText, optionalNumber, optionalFlag] = ["string", "number", "boolean"].map(optional);

const account = (json) => ({ id: text(object(json).id) });
const url = (json) => ({ web: optionalText(object(json).web), api: optionalText(object(json).api) });

export class Repo {
  constructor(json) {
    this.type = text(json.type);
    this.name = text(json.name);
    this.id = text(json.id);
    this.private = optionalFlag(json.private);
    this.headSha = optionalText(json.headSha);
    this.tags = Array.isArray(json.tags) ? json.tags.filter((tag) => typeof tag === "string") : [];
    this.subdomain = optionalText(json.subdomain);
    this.url = url(json.url);
    this.owner = account(json.owner ?? json.author);
  }

  get isModel() {
    return this.type === "model";
  }

  get isDataset() {
    return this.type === "dataset";
  }

  get isSpace() {
    return this.type === "space";
  }

  get isBucket() {
    return this.type === "bucket";
  }

  get namespace() {
    return this.name.includes("/") ? this.name.split("/")[0] : undefined;
  }
}

export class Discussion {
  constructor(json) {
    this.id = text(json.id);
    this.num = optionalNumber(json.num) ?? 0;
    this.title = text(json.title);
    this.status = text(json.status);
    this.author = account(json.author);
    this.url = url(json.url);
    this.isPullRequest = json.isPullRequest === true;
    const changes = json.changes;
    this.changes = isObject(changes)
      ? { base: optionalText(changes.base), mergeCommitId: optionalText(changes.mergeCommitId) }
      : undefined;
    this.pinned = json.pinned === true;
  }

  get isOpen() {
    return this.status === "open" || this.status === "draft";
  }

  get isMerged() {
    return this.status === "merged";
  }
}

export class Comment {
  constructor(json) {
    this.id = text(json.id);
    this.author = account(json.author);
    this.content = optionalText(json.content);
    this.hidden = json.hidden === true;
    this.url = url(json.url);
  }

  get isVisible() {
    return !this.hidden;
  }
}

const PREFIXES = ["refs/heads/", "refs/tags/", "refs/pr/"];
const isCommit = (sha) => typeof sha === "string" && /^[0-9a-fA-F]{7,64}$/.test(sha);

export class RefUpdate {
  constructor(json) {
    this.name = text(json.ref);
    this.oldSha = optionalText(json.oldSha);
    this.newSha = optionalText(json.newSha);
  }

  get change() {
    if (this.oldSha === undefined && this.newSha !== undefined) return "created";
    return this.oldSha !== undefined && this.newSha === undefined ? "deleted" : "updated";
  }

  get created() {
    return this.change === "created";
  }

  get updated() {
    return this.change === "updated";
  }

  get deleted() {
    return this.change === "deleted";
  }

  get oldCommit() {
    return isCommit(this.oldSha) ? this.oldSha : undefined;
  }

  get newCommit() {
    return isCommit(this.newSha) ? this.newSha : undefined;
  }

  get isBranch() {
    return this.name.startsWith("refs/heads/");
  }

  get isTag() {
    return this.name.startsWith("refs/tags/");
  }

  get isPullRequest() {
    return this.name.startsWith("refs/pr/");
  }

  get shortName() {
    const prefix = PREFIXES.find((known) => this.name.startsWith(known)) ?? "";
    return this.name.slice(prefix.length);
  }
}

const fileUpdate = (json) => ({
  path: text(json.path),
  action: text(json.action),
  xetHash: optionalText(json.xetHash),
  size: optionalNumber(json.size),
});

/** One delivery. The payload is fetched from the host and parsed on first use, once. */
export class Event {
  #delivery;
  #source;
  #bytes;
  #payload;

  /** The delivery's facts as the interface has them, and what fetches the rest: `payload()` and `header(name)`. */
  constructor(delivery, source) {
    this.#delivery = delivery;
    this.#source = source;
  }

  /** The same event as another class shows it. */
  as(View, seen = this) {
    const event = { ...this.#delivery.event, scope: seen.scope, action: seen.action };
    return new View({ ...this.#delivery, event }, this.#source);
  }

  get id() {
    return this.#delivery.id;
  }

  get runId() {
    return this.#delivery.runId;
  }

  get attempt() {
    return this.#delivery.attempt;
  }

  get receivedAt() {
    return new Date(Number(this.#delivery.receivedAt));
  }

  get scope() {
    return this.#delivery.event.scope;
  }

  get action() {
    return this.#delivery.event.action;
  }

  get sentScope() {
    return this.#delivery.event.sentScope;
  }

  get sentAction() {
    return this.#delivery.event.sentAction;
  }

  get repoType() {
    return this.#delivery.event.repoType;
  }

  get repoName() {
    return this.#delivery.event.repoName;
  }

  get repoId() {
    return this.#delivery.event.repoId;
  }

  get raw() {
    this.#bytes ??= this.#source.payload();
    return this.#bytes;
  }

  get payload() {
    this.#payload ??= parsed(this.raw);
    return this.#payload;
  }

  header(name) {
    return this.#source.header(name);
  }
}

function parsed(bytes) {
  let json;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new Reject(`the payload is no JSON that can be read (${error.message}): check what posted it`);
  }
  if (isObject(json)) return json;
  throw new Reject("the payload is JSON, but no object: the Hub sends objects, so check what posted it");
}

/** A part that an event's class shows is not in its payload. */
export class Missing extends Error {
  constructor(part) {
    super(part);
    this.part = part;
  }
}

function part(json, name) {
  if (isObject(json)) return json;
  throw new Missing(name);
}

export class RepoEvent extends Event {
  constructor(delivery, source) {
    super(delivery, source);
    this.repo = new Repo(part(this.payload.repo, "repo"));
    // Without its name nothing can be done to it.
    if (this.repo.name === "") throw new Missing("repo");
  }
}

export class MoveEvent extends RepoEvent {
  constructor(delivery, source) {
    super(delivery, source);
    // Payloads before version 3 sent the name alone.
    const moved = this.payload.movedTo;
    const to = typeof moved === "string" ? { name: moved } : part(moved, "new name");
    this.to = { name: text(to.name), owner: account(to.owner) };
  }
}

export class ContentEvent extends RepoEvent {
  constructor(delivery, source) {
    super(delivery, source);
    this.refs = objects(this.payload.updatedRefs).map((json) => new RefUpdate(json));
    this.files = objects(this.payload.updatedFiles).map(fileUpdate);
    this.filesTruncated = this.payload.updatedFilesTruncated === true;
  }
}

export class ConfigEvent extends RepoEvent {
  constructor(delivery, source) {
    super(delivery, source);
    this.changes = object(this.payload.updatedConfig);
  }
}

export class DiscussionEvent extends RepoEvent {
  constructor(delivery, source) {
    super(delivery, source);
    this.discussion = new Discussion(part(this.payload.discussion, "discussion"));
    this.comment = isObject(this.payload.comment) ? new Comment(this.payload.comment) : undefined;
  }
}

export class CommentEvent extends DiscussionEvent {
  constructor(delivery, source) {
    super(delivery, source);
    if (this.comment === undefined) throw new Missing("comment");
  }
}

const VIEWS = {
  repo: RepoEvent,
  "repo.content": ContentEvent,
  "repo.config": ConfigEvent,
  discussion: DiscussionEvent,
  "discussion.comment": CommentEvent,
};

/** The class that shows what a subscription gets: that of the nearest scope which is known. */
export function viewOf(scope, actions) {
  if (scope === "repo" && actions.length === 1 && actions[0] === "move") return MoveEvent;
  const above = Object.keys(VIEWS).filter((known) => isAtOrUnder(top(scope), known));
  return VIEWS[above.sort((one, other) => other.length - one.length)[0]] ?? Event;
}

/** Why an event without a part that its class shows is nothing to handle; `undefined` if the Hub promises the part. */
export function unpromised(event, missing) {
  const isKnown = KNOWN.includes(event.sentScope) && ACTIONS.includes(event.sentAction);
  if (event.scope === event.sentScope && isKnown) return undefined;
  return `the payload of \`${event.sentScope}\` has no ${missing.part}`;
}
