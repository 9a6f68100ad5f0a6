// What is posted, in Slack's own markup. (docs.slack.dev, "Formatting message text")

/** The most characters of a message. (docs.slack.dev, `chat.postMessage`: 4,000 for best results) */
const TEXT_MAX = 4000;

/** The most characters of a title or a name in it. */
const WORDS_MAX = 200;

/** What is a control character to Slack; so nobody's text mentions a channel or hides a link. */
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

const escape = (text) => text.replace(/[&<>]/g, (one) => ESCAPES[one]);

/** A text of so many characters at most, none of them cut in two. */
function cut(text, max) {
  const characters = [...text];
  return characters.length <= max ? text : `${characters.slice(0, max - 1).join("")}…`;
}

const words = (text) => escape(cut(text.replace(/\s+/g, " ").trim(), WORDS_MAX));

/** A link, if there is an address that a browser opens. Addresses of the Hub have none of the three in them. */
function link(url, text) {
  return /^https?:\/\/[^\s<>|]+$/.test(url ?? "") ? `<${url}|${words(text)}>` : words(text);
}

/** Somebody's text, each line marked as quoted, as long as there is room after the first line. */
function under(first, comment) {
  const content = comment === undefined ? "" : comment.hidden ? "(hidden)" : (comment.content ?? "(hidden)");
  if (content.trim() === "") return first;
  const lines = content.trim().split(/\r?\n/).map((line) => `> ${escape(line)}`);
  // What is left of an escape that was cut in two goes with it.
  return cut(`${first}\n${lines.join("\n")}`, TEXT_MAX).replace(/&[a-z]{0,3}…$/, "…");
}

const repo = ({ repo }) => link(repo.url.web, repo.name);

const titled = ({ discussion }) => link(discussion.url.web, `${discussion.title || "untitled"} (#${discussion.num})`);

export function opened(event) {
  const what = event.discussion.isPullRequest ? "pull request" : "discussion";
  return under(`New ${what} in ${repo(event)}: ${titled(event)}`, event.comment);
}

export function commented(event) {
  const where = event.comment.url.web ? { discussion: { ...event.discussion, url: event.comment.url } } : event;
  return under(`Comment in ${repo(event)} on ${titled(where)}`, event.comment);
}

export function pushed(event, update) {
  const { newCommit } = update;
  if (newCommit === undefined) return `${repo(event)}: \`main\` is gone`;
  const web = event.repo.url.web;
  return `${repo(event)}: \`main\` is now ${link(web && `${web}/commit/${newCommit}`, newCommit.slice(0, 7))}`;
}
