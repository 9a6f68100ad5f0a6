// Slack's API, as far as it is needed: one method.

import { config, http, Reject, Retry } from "../.hookbox/javascript/hookbox.js";

/** Where Slack is, unless the setting `slack-endpoint` says otherwise. */
const SLACK = "https://slack.com";

/** What Slack says of itself rather than of the call: another attempt may do. (docs.slack.dev, `chat.postMessage`) */
const PASSING = [
  "internal_error",
  "fatal_error",
  "service_unavailable",
  "request_timeout",
  "team_added_to_org",
];

/** What to do about the words that are met most. */
const MENDS = {
  channel_not_found: "give the channel's id in the setting `channel`; a private channel has to have the app in it",
  not_in_channel: "invite the app into the channel: /invite @NAME",
  is_archived: "give another channel in the setting `channel`",
  invalid_auth: "put a token that is valid where the grant's `bearer` leads to",
  not_authed: "give the `[[http]]` entry for slack.com a `bearer`",
  account_inactive: "put a token that is valid where the grant's `bearer` leads to",
  token_expired: "put a token that is valid where the grant's `bearer` leads to",
  token_revoked: "put a token that is valid where the grant's `bearer` leads to",
  missing_scope: "give the app the scope chat:write, and install it again",
};

/** The wait after a limit, where Slack names none: about one message a second and channel is allowed. (docs.slack.dev,
 * "Rate limits") */
const WAIT_MS = 30_000;

/** Posts a message, in a thread if one is given, and returns its name (`ts`). */
export function post(text, thread) {
  const endpoint = config.get("slack-endpoint", SLACK).replace(/\/$/, "");
  // A stranger's link is a link: Slack shows nothing of what stands behind it.
  const shown = { mrkdwn: true, unfurl_links: false, unfurl_media: false };
  const message = { channel: config.require("channel"), text, ...shown, thread_ts: thread };
  const answer = http.post(`${endpoint}/api/chat.postMessage`, {
    json: message,
    headers: { "content-type": "application/json; charset=utf-8" },
  });
  if (answer.status === 429) throw limited(answer);
  if (!answer.ok) {
    const reason = `Slack answers ${answer.status}`;
    throw answer.status >= 500 ? new Retry(reason, { afterMs: answer.retryAfterMs }) : new Reject(reason);
  }
  // A refusal is told with status 200 as well.
  const said = answer.json();
  if (said?.ok === true) return String(said.ts ?? "");
  throw refused(String(said?.error ?? "unknown_error"), answer);
}

function limited(answer) {
  return new Retry("Slack's rate limit", { afterMs: answer.retryAfterMs ?? WAIT_MS });
}

function refused(error, answer) {
  if (error === "ratelimited" || error === "rate_limited") return limited(answer);
  if (PASSING.includes(error)) return new Retry(`Slack says ${error}`, { afterMs: answer.retryAfterMs });
  const mend = MENDS[error];
  return new Reject(`Slack says ${error}${mend ? `: ${mend}` : ""}`);
}
