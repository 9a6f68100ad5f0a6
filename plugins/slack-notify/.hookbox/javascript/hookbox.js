// What a plugin imports. hookbox.d.ts describes it, for people and for editors.

export { clock, config, ConfigError, log, state, StateError } from "./ability.js";
export { CommentEvent, ConfigEvent, ContentEvent, DiscussionEvent, Event, MoveEvent, RepoEvent } from "./events.js";
export { http, HttpError, Response } from "./http.js";
export { hub, HubError } from "./hub.js";
export { done, ignored, Outcome, Reject, Retry } from "./outcomes.js";
export { on, Plugin, plugin, Want } from "./plugin.js";
