import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { ignored, Reject, Retry } from "../.hookbox/javascript/hookbox.js";
import * as testing from "../.hookbox/javascript/testing.js";
import { sample } from "../.hookbox/javascript/testing.js";
import plugin from "../src/plugin.js";

const POST = ["POST", "https://slack.com/api/chat.postMessage"];

/** A Slack that gives these answers in turn. */
function slack(...answers) {
  const network = testing.http();
  for (const answer of answers) network.answers(...POST, answer);
  return network;
}

const yes = (ts) => ({ json: { ok: true, ts } });
const no = (error, rest = {}) => ({ json: { ok: false, error }, ...rest });

/** The texts that were posted. */
const texts = (network) => network.requests.map(({ json }) => json.text);

beforeEach(() => {
  testing.reset();
  testing.logs();
  testing.config({ channel: "C1" });
});

test("a discussion is posted with its first comment", async () => {
  const network = slack(yes("17.5"));
  const said = await plugin.deliver(sample("discussion").title("Is <this> safe?").content("I & you:\nyes"));
  assert.equal(said.text, "posted 17.5");
  const [{ json, headers, method, url }] = network.requests;
  assert.deepEqual([method, url], POST);
  assert.equal(headers["content-type"], "application/json; charset=utf-8");
  assert.deepEqual(json, {
    channel: "C1",
    text:
      "New discussion in <https://huggingface.co/some-user/some-repo|some-user/some-repo>: " +
      "<https://huggingface.co/some-user/some-repo/discussions/3|Is &lt;this&gt; safe? (#3)>\n> I &amp; you:\n> yes",
    mrkdwn: true,
    unfurl_links: false,
    unfurl_media: false,
  });
});

test("a comment goes into the thread of its discussion", async () => {
  const kept = testing.state();
  const network = slack(yes("17.5"), yes("18.0"));
  await plugin.deliver(sample("discussion"));
  await plugin.deliver(sample("discussion-comment").content("Hello!"));
  assert.deepEqual(kept.writes, ["set C1 6366c000a2abcdf2fd69a080#3"]);
  assert.deepEqual(network.requests.map(({ json }) => json.thread_ts), [undefined, "17.5"]);
  assert.match(texts(network)[1], /^Comment in .*\n> Hello!$/);
});

test("without a state a comment is a message of its own", async () => {
  const lines = testing.logs();
  const network = slack(yes("18.0"));
  await plugin.deliver(sample("discussion-comment"));
  assert.equal(network.requests[0].json.thread_ts, undefined);
  assert.match(lines[0], /^WARN the plugin has no state/);
});

test("a hidden comment is not shown", async () => {
  const network = slack(yes("1"));
  await plugin.deliver(sample("discussion-comment-hidden").action("create"));
  assert.match(texts(network)[0], /\n> \(hidden\)$/);
});

test("a push to main is posted, and no other one", async () => {
  const network = slack(yes("1"));
  await plugin.deliver(sample("repo-content"));
  assert.match(texts(network)[0], /: `main` is now <https:.*\/commit\/[0-9a-f]+\|[0-9a-f]{7}>$/);
  const tag = await plugin.deliver(sample("repo-content-tag"));
  assert.deepEqual(tag, ignored("`main` did not change"));
  assert.equal(network.requests.length, 1);
});

test("a setting says what it posts about", async () => {
  const lines = testing.logs();
  testing.config({ channel: "C1", events: "discussion, coment" });
  const network = slack(yes("1"));
  assert.deepEqual(await plugin.deliver(sample("discussion-comment")), ignored("`events` leaves out comments"));
  assert.deepEqual(await plugin.deliver(sample("repo-content")), ignored("`events` leaves out pushes"));
  assert.equal(network.requests.length, 0);
  assert.match(lines[0], /names `coment`: take discussion, comment, push/);
});

test("a long text is cut where Slack recommends it, and no escape in two", async () => {
  const network = slack(yes("1"));
  for (const content of ["a".repeat(10_000), "&".repeat(10_000), "😀".repeat(10_000)]) {
    await plugin.deliver(sample("discussion-comment").content(content));
  }
  for (const text of texts(network)) {
    assert.ok([...text].length <= 4000 && [...text].length > 3990, `${[...text].length}`);
    assert.match(text, /(a|&amp;|😀)…$/u);
  }
});

/** What comes of Slack's answer. */
async function failure(answer) {
  slack(answer);
  return plugin.deliver(sample("discussion-comment")).then(
    () => assert.fail("it was posted"),
    (error) => error,
  );
}

test("a limit is waited for as long as Slack says", async () => {
  const limited = await failure(no("ratelimited", { status: 429, headers: { "Retry-After": "7" } }));
  assert.deepEqual(limited, new Retry("Slack's rate limit", { afterMs: 7_000 }));
  assert.equal((await failure({ status: 429 })).afterMs, 30_000);
  assert.equal((await failure(no("ratelimited"))).afterMs, 30_000);
});

test("what Slack says of itself is tried again, and what it says of the call is not", async () => {
  const again = ["internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"];
  for (const error of again) assert.deepEqual(await failure(no(error)), new Retry(`Slack says ${error}`));
  for (const error of ["channel_not_found", "not_in_channel", "is_archived", "invalid_auth", "missing_scope"]) {
    const refused = await failure(no(error));
    assert.ok(refused instanceof Reject);
    assert.match(refused.message, new RegExp(`^Slack says ${error}: .{20}`));
  }
  assert.deepEqual(await failure(no("msg_too_long")), new Reject("Slack says msg_too_long"));
  assert.deepEqual(await failure({ status: 503 }), new Retry("Slack answers 503"));
  assert.deepEqual(await failure({ status: 404 }), new Reject("Slack answers 404"));
});

test("an answer that is none is tried again", async () => {
  assert.match((await failure({ body: "<html>" })).message, /^the answer is no JSON/);
  assert.match((await failure({ error: "timeout" })).message, /^POST https:\/\/slack.com\/api\/chat.postMessage: /);
});

test("a missing channel names the line to add", async () => {
  testing.config({});
  const missing = await failure(yes("1"));
  assert.match(missing.message, /add `channel = "…"` under `\[config\]`/);
});
