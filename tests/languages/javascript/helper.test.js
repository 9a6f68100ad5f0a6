// The helper, in a project that `hookbox new` made: run by `node --test`.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import * as hookbox from "../.hookbox/javascript/hookbox.js";
import { cut, TEXT_MAX } from "../.hookbox/javascript/outcomes.js";
import * as testing from "../.hookbox/javascript/testing.js";

const { config, done, http, hub, ignored, log, on, plugin, Reject, Retry, state, Want } = hookbox;
const { sample } = testing;

beforeEach(testing.reset);

/** A plugin that handles one scope. */
const handling = (scope, handle, options = {}) => plugin({ description: "d", handlers: [on(scope, options, handle)] });

/** What a function throws. */
function thrown(call) {
  try {
    call();
  } catch (error) {
    return error.message;
  }
  return assert.fail("nothing was thrown");
}

/** What a handler that fails ends with. */
const failure = (handle) =>
  handling("*", handle)
    .deliver(sample("repo-create"))
    .then(() => assert.fail("it did not fail"), (error) => error);

test("a mistake in a handler is told where it stands, with what was meant", () => {
  const nothing = () => {};
  const mistakes = [
    [() => on("discusion.comment", nothing), 'on("discusion.comment"): there is no such scope: did you mean "discussion.comment"? (If the Hub has it: { unknown: true })'],
    [() => on("repo.contents.*", nothing), 'on("repo.contents.*"): there is no such scope: did you mean "repo.content.*"? (If the Hub has it: { unknown: true })'],
    [() => on("comment.*", nothing), 'on("comment.*"): there is no such scope: did you mean "discussion.comment.*"? (If the Hub has it: { unknown: true })'],
    [() => on("discussion.comment.create", nothing), 'on("discussion.comment.create"): "create" is an action: on("discussion.comment", { actions: ["create"] }, …)'],
    [() => on("move", nothing), 'on("move"): "move" is an action: on("repo", { actions: ["move"] }, …)'],
    [() => on("Repo Content!!", nothing), 'on("Repo Content!!"): a scope is dotted words ("repo.content"), perhaps with ".*" at the end, or "*"'],
    [() => on("repo", { actions: ["creat"] }, nothing), 'on("repo"): the Hub has no action "creat": did you mean "create"?'],
    [() => on("repo", { actions: ["create", "create"] }, nothing), 'on("repo"): "create" is there already'],
    [() => on("repo", { actions: "create" }, nothing), 'on("repo"): actions are a list of words: { actions: ["create"] }'],
    [() => on("repo", { action: ["create"] }, nothing), 'on("repo"): there is no `action`: did you mean `actions`?'],
    [() => on("repo"), 'on("repo"): options are an object with actions, unknown'],
    [() => on("repo", {}), 'on("repo"): the last argument is the function that handles the event: (event) => done("…")'],
    [() => on(nothing), 'on(): say which events: on("repo.content", (event) => …)'],
  ];
  for (const [call, message] of mistakes) assert.equal(thrown(call), message);
  // What the Hub may have one day is no mistake.
  for (const scope of ["billing.plan", "repo.pins", "*", "repo.*"]) on(scope, { actions: ["archive"] }, nothing);
  on("repo.contents", { unknown: true, actions: ["creat"] }, nothing);
});

test("a mistake in a plugin is told as well", () => {
  const one = on("repo", { actions: ["create", "move"] }, () => {});
  const all = on("repo", () => {});
  const parts = (rest) => () => plugin({ description: "d", handlers: [one], ...rest });
  const mistakes = [
    [parts({ handlers: [] }), "plugin(): a plugin handles something: { handlers: [greet] }, with what on() returned"],
    [parts({ handlers: [() => {}] }), 'plugin(): handler 1 is none: on("…", (event) => …) makes one'],
    [parts({ handlers: [one, one] }), 'plugin(): two handlers take "repo" (create): which of the two is meant?'],
    [parts({ handlers: [all, one] }), 'plugin(): two handlers take "repo" (create): which of the two is meant?'],
    [parts({ handlers: [all, all] }), 'plugin(): two handlers take "repo" (every action): which of the two is meant?'],
    [parts({ description: "" }), 'plugin(): say what it does: { description: "…", handlers: [greet] }'],
    [parts({ wnats: [] }), "plugin(): there is no `wnats`: did you mean `wants`?"],
    [parts({ wants: ["http"] }), 'plugin(): wants are a list of what Want makes: { wants: [Want.config("channel")] }'],
    [() => Want.http("a.b", { method: ["GET"] }), 'Want.http("a.b"): there is no `method`: did you mean `methods`?'],
    [() => Want.http("a.b", { paths: "/" }), 'Want.http("a.b"): `paths` is a list of texts'],
  ];
  for (const [call, message] of mistakes) assert.equal(thrown(call), message);
});

test("a want is what the interface has", () => {
  const want = Want.http("a.b", { paths: ["/x"], methods: ["GET"], credential: "a token", required: true, because: "why" });
  assert.equal(want.detail, '{"methods":["GET"],"paths":["/x"],"credential":"a token"}');
  assert.deepEqual([want.kind, want.name, want.required, want.reason], ["http", "a.b", true, "why"]);
  assert.equal(Want.config("channel").detail, "");
});

test("each scope has its parts", async () => {
  const seen = {};
  const keep = (name) => (event) => {
    seen[name] = seen.last = event;
  };
  const all = plugin({
    description: "d",
    handlers: [
      on("repo", { actions: ["move"] }, keep("move")),
      on("repo", { actions: ["create", "update", "delete"] }, keep("repo")),
      on("repo.content", keep("content")),
      on("repo.config", keep("config")),
      on("discussion", keep("discussion")),
      on("discussion.comment", keep("comment")),
    ],
  });
  for (const name of testing.samples()) {
    assert.deepEqual(await all.deliver(sample(name)), done(), name);
    assert.deepEqual(seen.last.payload, sample(name).payload);
  }
  assert.equal(seen.move.to.name, "new-org/new-repo");
  assert.equal(seen.move.repo.name, "some-user/some-repo");
  assert.deepEqual(seen.config.changes.constructor, Object);
  assert.equal(seen.discussion.discussion.num, 3);
  assert.equal(seen.comment.comment.author.id, "61d2000c3c2083e1c08af22d");
  await all.deliver(sample("repo-content"));
  assert.deepEqual(seen.content.refs.map((ref) => `${ref.shortName} ${ref.change}`), ["main updated", "old-branch deleted"]);
  await all.deliver(sample("bucket-content"));
  assert.deepEqual([seen.content.files.length > 0, seen.content.filesTruncated, seen.content.repo.isBucket], [true, true, true]);
});

test("a part that nobody promised is passed over, and one that the Hub promises is not", async () => {
  const comments = handling("discussion.comment", () => done("handled"));
  const without = (scope) => sample("discussion-comment").scope(scope).set("/comment", undefined);
  assert.deepEqual(
    await comments.deliver(without("discussion.comment.reaction")),
    ignored("the payload of `discussion.comment.reaction` has no comment"),
  );
  await assert.rejects(
    comments.deliver(without("discussion.comment")),
    new Reject("the Hub sends a comment with `discussion.comment`, and this payload has none: look at what posted it"),
  );
  const broken = testing.event("{");
  assert.equal(await handling("repo", () => {}).deliver(broken), undefined);
  await assert.rejects(handling("*", (event) => event.payload).deliver(broken), /no JSON that can be read/);
  await assert.rejects(handling("*", (event) => event.payload).deliver(testing.event([1])), /JSON, but no object/);
});

test("a scope that came later is shown as the one above it that is known", async () => {
  const pinned = handling("repo.pins", (event) => done(event.repo.name));
  assert.deepEqual(await pinned.deliver(sample("repo-update").scope("repo.pins")), done("some-user/some-repo"));
  const changed = handling("repo.config.dois", (event) => done(typeof event.changes));
  assert.deepEqual(await changed.deliver(sample("repo-config").scope("repo.config.dois")), done("object"));
  const reaction = sample("discussion-comment").scope("discussion.comment.reaction").set("/comment", undefined);
  assert.deepEqual(
    await handling("discussion.comment.reaction", () => done("handled")).deliver(reaction),
    ignored("the payload of `discussion.comment.reaction` has no comment"),
  );
});

test("a text that is too dear to hand over is cut", () => {
  assert.equal(cut("x".repeat(TEXT_MAX)).length, TEXT_MAX);
  assert.match(cut("é".repeat(60_000)), /^é{16384}… \(16384 of 60000 characters\)$/);
});

test("the handler that wins is the host's", async () => {
  const shown = (name) => (event) => done(`${name}: ${event.scope}/${event.action} of ${event.sentScope}`);
  const some = (...scopes) => plugin({ description: "d", handlers: scopes.map((scope) => on(scope, shown(scope))) });
  const check = async (scopes, sent, expected) => {
    const said = await some(...scopes).deliver(sample("repo-config").scope(sent).action("create"));
    assert.equal(said?.text, expected);
  };
  await check(["repo.config", "repo.*", "*"], "repo.config.dois", "repo.config: repo.config/update of repo.config.dois");
  await check(["repo.*", "*"], "repo.config.dois", "repo.*: repo.config.dois/create of repo.config.dois");
  await check(["repo"], "repo.pins", "repo: repo/update of repo.pins");
  await check(["repo"], "repo.content", undefined);
  await check(["repo.content"], "repo.contents", undefined);
  await check(["*"], "billing.plan", "*: billing.plan/create of billing.plan");
});

test("what a handler returns or throws is the outcome", async () => {
  const answer = (handle) => handling("*", handle).deliver(sample("repo-create"));
  assert.deepEqual(await answer(async () => "text"), done("text"));
  assert.deepEqual(await answer(() => {}), done());
  assert.deepEqual(await answer(() => done({ a: 1 })), done('{"a":1}'));
  assert.deepEqual(await answer(() => ignored("no")), ignored("no"));
  const told = async (handle) => {
    const error = await failure(handle);
    return `${error.constructor.name} ${error.message}${error.afterMs === undefined ? "" : ` after ${error.afterMs}`}`;
  };
  assert.deepEqual(await answer(() => null), done());
  const circular = {};
  circular.itself = circular;
  assert.deepEqual(await answer(() => done(circular)), done("[object Object]"));
  assert.deepEqual(await answer(() => done({ n: 10n })), done('{"n":"10"}'));
  // Another attempt would return the same.
  assert.equal(await told(() => 5), "Reject a handler returns done(…), ignored(…), a text or nothing, and not 5");
  assert.equal(await told(() => new Retry("later")), "Reject a handler returned a Retry: `throw` it (later)");
  assert.equal(await told(() => { throw Object.assign(new Error("odd"), { afterMs: "60" }); }), "Retry odd");
  assert.match(thrown(() => new Retry("x", 60_000)), /the second argument is an object with afterMs, cause, and not 60000/);
  assert.match(thrown(() => new Reject("x", { because: "y" })), /an object with cause, and not/);
  assert.equal(await told(() => undefined.x), "Retry TypeError: Cannot read properties of undefined (reading 'x')");
  assert.equal(await told(async () => Promise.reject(new Error("a", { cause: new Error("b") }))), "Retry a: b");
  assert.equal(await told(() => Promise.reject("text")), "Retry text");
  assert.equal(await told(() => Promise.reject(undefined)), "Retry undefined");
  assert.equal(await told(() => { throw new Retry("later", { afterMs: 5 }); }), "Retry later after 5");
  assert.equal(await told(() => { throw new Reject("never"); }), "Reject never");
  assert.equal(await told(() => { throw new Error("a", { cause: new Reject("b") }); }), "Reject a: b");
  assert.equal(await told(() => fetch("https://a.b")), 'Retry TypeError: a plugin has no fetch(): take http.get() or http.post(), import { http } from "…/hookbox.js"');
});

test("without a grant there is nothing, and it says what to add", async () => {
  assert.equal(thrown(() => config.require("model")), 'the setting `model` is missing: add `model = "…"` under `[config]` of the plugin\'s grant');
  assert.equal(thrown(() => state.get("a")), "the plugin has no state: add a table `[state]` to its grant");
  assert.equal(thrown(() => http.get("https://a.b/c?d")), "GET https://a.b/c: there is no network here: testing.http() stands for one");
});

test("the store keeps texts, bytes and numbers within the host's bounds", () => {
  const kept = testing.state({ n: "5" });
  state.set("b", "2");
  state.set("a", new Uint8Array([49]));
  assert.deepEqual([state.get("a"), state.getBytes("b"), state.get("c")], ["1", new Uint8Array([50]), undefined]);
  assert.deepEqual([state.increment("n", 2), state.increment("m")], [7, 1]);
  state.delete("m");
  assert.deepEqual([state.exists("m"), state.keys()], [false, ["a", "b", "n"]]);
  assert.deepEqual(kept.entries(), { n: "7", b: "2", a: "1" });
  assert.deepEqual(kept.writes, ["set b", "set a", "set n", "set m", "delete m"]);
  assert.equal(thrown(() => state.increment("b".repeat(1025))), "state: a key has 1 to 1024 bytes, and this one 1025");
  state.set("n", "many");
  assert.equal(thrown(() => state.increment("n")), "state: the value is no decimal number");
  assert.match(thrown(() => state.set("n", 5)), /takes a text or a Uint8Array/);
});

test("requests are kept, and answered in turn", () => {
  const network = testing.http().answers("POST", "https://a.b/c", { status: 201, json: { n: 1 }, headers: { "X-A": "y" } });
  network.answers("POST", "https://a.b/c", { error: "timeout" });
  const answer = http.post("https://a.b/c", { json: [1], query: { q: "a b" }, headers: { "X-B": "z" } });
  assert.deepEqual([answer.status, answer.ok, answer.json(), answer.header("x-a")], [201, true, { n: 1 }, "y"]);
  assert.deepEqual(network.asked(), ["POST https://a.b/c?q=a+b"]);
  assert.deepEqual(network.requests[0].headers, { "x-b": "z", "content-type": "application/json" });
  assert.equal(thrown(() => http.post("https://a.b/c")), "POST https://a.b/c: the test answers with `timeout`");
  assert.match(thrown(() => http.get("https://a.b/c")), /the test has no answer to `GET https:\/\/a.b\/c`/);
  assert.match(thrown(() => http.get("ftp://a.b")), /an address is https/);
  assert.match(thrown(() => http.get("https://user:pw@a.b/")), /without a user/);
  assert.equal(thrown(() => http.get("https://a.b", { headres: {} })), "http: there is no `headres`: take headers, query, body, json, timeoutMs");
});

test("a request that can never do is rejected, and others are tried again", async () => {
  testing.http().answers("GET", "https://a.b/", { error: "too-large" }).answers("GET", "https://c.d/", { error: "denied" });
  assert.ok((await failure(() => http.get("https://a.b/"))) instanceof Reject);
  assert.ok((await failure(() => http.get("https://c.d/"))) instanceof Retry);
  assert.ok((await failure(() => http.get("no address"))) instanceof Reject);
});

test("the Hub's own words decide what comes of its calls", async () => {
  const thread = "https://huggingface.co/api/models/a/b/discussions/7";
  const network = testing.http().answers("GET", thread, { json: { events: [] } });
  network.answers("POST", `${thread}/comment`, { json: { newMessage: { id: "c1" } } });
  const repo = { type: "model", name: "a/b" };
  assert.equal(hub.commentOnce(repo, 7, "run", "Thank you!\n"), "c1");
  assert.deepEqual(network.requests[1].json, { comment: "Thank you!\n\n<!-- hookbox run -->" });
  const marked = { id: "c2", data: { latest: { raw: "Thank you!\n\n<!-- hookbox run -->\n" } } };
  testing.http().answers("GET", thread, { json: { events: [{ id: "c0" }, marked] } });
  assert.equal(hub.commentOnce(repo, 7, "run", "Thank you!"), "c2");
  const limited = { status: 429, headers: { RateLimit: '"api";r=0;t=55' } };
  testing.http().answers("GET", thread, limited).answers("GET", "https://huggingface.co/datasets/a/b/raw/main/x%20y", { status: 404, json: { error: "Entry not found" } });
  assert.equal((await failure(() => hub.discussion(repo, 7))).afterMs, 56_000);
  const gone = await failure(() => hub.readFile({ type: "dataset", name: "a/b" }, "x y"));
  assert.deepEqual([gone.constructor, gone.message], [Reject, "GET /datasets/a/b/raw/main/x%20y: the Hub answers 404: Entry not found"]);
  assert.match(thrown(() => hub.discussion({ type: "model", name: "../x" }, 1)), /is no repo/);
  assert.match(thrown(() => hub.readFile(repo, "../x")), /is no file/);
  testing.config({ "hub-endpoint": "https://hub.example.org/x" });
  assert.match(thrown(() => hub.whoami()), /is not `https:\/\/` and a host/);
});

test("log lines and the time are the test's", () => {
  const lines = testing.logs();
  log.info("a", { b: 1 }, new Error("c"));
  assert.match(lines[0], /^INFO a \{"b":1\} Error: c\n/);
  const clock = testing.clock(new Date("2026-01-01T00:00:00Z"));
  clock.advance(1500);
  assert.equal(hookbox.clock.now().toISOString(), "2026-01-01T00:00:01.500Z");
  assert.equal(hookbox.clock.nowMs(), 1_767_225_601_500);
});
