// Posts what happens in repos to a channel of Slack.

import { config, ignored, log, on, plugin, state, StateError, Want } from "../.hookbox/javascript/hookbox.js";
import { commented, opened, pushed } from "./message.js";
import { post } from "./slack.js";

/** What it can post about, and does unless the setting `events` says otherwise. */
const EVENTS = ["discussion", "comment", "push"];

const discussion = on("discussion", { actions: ["create"] }, (event) => {
  if (!wanted("discussion")) return ignored("`events` leaves out discussions");
  const posted = post(opened(event));
  remember(event, posted);
  return `posted ${posted}`;
});

const comment = on("discussion.comment", { actions: ["create"] }, (event) => {
  if (!wanted("comment")) return ignored("`events` leaves out comments");
  return `posted ${post(commented(event), thread(event))}`;
});

const push = on("repo.content", { actions: ["update"] }, (event) => {
  if (!wanted("push")) return ignored("`events` leaves out pushes");
  const main = event.refs.find((update) => update.name === "refs/heads/main");
  return main ? `posted ${post(pushed(event, main))}` : ignored("`main` did not change");
});

/** Whether the setting `events` names a kind. */
function wanted(kind) {
  const named = config.get("events", EVENTS.join(",")).split(/[\s,]+/).filter(Boolean);
  for (const other of named.filter((name) => !EVENTS.includes(name))) {
    log.warn(`the setting \`events\` names \`${other}\`: take ${EVENTS.join(", ")}`);
  }
  return named.includes(kind);
}

/** A message's name is one in its channel. */
const key = (event) => `${config.get("channel")} ${event.repo.id || event.repo.name}#${event.discussion.num}`;

/** The message about a discussion, so that its comments go into the thread under it. */
function thread(event) {
  return stored(() => state.get(key(event)));
}

/** Without `[state]`, or without room in it, a comment is a message of its own. What is posted is posted. */
function remember(event, posted) {
  stored(() => state.set(key(event), posted));
}

function stored(call) {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    log.warn(error.message);
    return undefined;
  }
}

export default plugin({
  description: "Posts discussions, comments and pushes to a Slack channel",
  handlers: [discussion, comment, push],
  wants: [
    Want.config("channel", { required: true, because: "the id of the channel that it posts to" }),
    Want.http("slack.com", {
      methods: ["POST"],
      paths: ["/api/chat.postMessage"],
      credential: "a bot token (xoxb-…) with the scope chat:write",
      required: true,
      because: "it posts there",
    }),
    Want.state("threads", { because: "comments go into the thread of their discussion" }),
  ],
});
