"""What people meet who write a plugin in Python: mistakes that are told, events, answers, and a host that is played."""

import unittest

from hookbox import (
    CommentEvent,
    ConfigEvent,
    ContentEvent,
    DiscussionEvent,
    Event,
    MoveEvent,
    Reject,
    RepoEvent,
    Retry,
    Want,
    clock,
    config,
    done,
    done_json,
    http,
    hub,
    ignored,
    log,
    on,
    plugin,
    state,
)
from hookbox import _plugin, _scope
from hookbox.outcome import failure_of
from hookbox.testing import FakeHost, deliver, event, sample, samples


class PluginTest(unittest.TestCase):
    """A test with a plugin of its own."""

    def setUp(self):
        plugin = _plugin.PLUGIN
        plugin.description, plugin.handlers, plugin.wants = "", [], ()
        _plugin.plugin(description="is tested")

    def refused(self, kind, text, *args, function=lambda event: None, **more):
        with self.assertRaises(kind) as raised:
            on(*args, **more)(function)
        self.assertIn(text, str(raised.exception))


class Mistakes(PluginTest):
    def test_a_misspelt_scope_or_action_is_told_with_what_was_meant(self):
        self.refused(ValueError, "did you mean `discussion.comment`?", "discusion.comment")
        self.refused(ValueError, "did you mean `repo.content.*`?", "repo.contents.*")
        self.refused(ValueError, "a scope is dotted words", "Repo Content!!")
        self.refused(ValueError, "did you mean `create`?", "repo", actions=["creat"])
        self.refused(ValueError, "`create` is there already", "repo", actions=["create", "create"])
        self.refused(TypeError, 'actions=["create"]', "repo", actions="create")
        on("repo.contents", unknown=True)(lambda event: None)
        on("billing.plan", actions=["archive"])(lambda event: None)

    def test_a_near_miss_is_told_from_a_scope_of_the_future(self):
        for scope, meant in {
            "discusion.comment": "discussion.comment",
            "discussion.coment.*": "discussion.comment.*",
            "repo.contents": "repo.content",
            "repo.confg": "repo.config",
            "repos": "repo",
            "Repo": "repo",
            "comment": "discussion.comment",
            "content.*": "repo.content.*",
        }.items():
            self.assertEqual(_scope.meant_scope(scope), meant, scope)
            self.refused(ValueError, f"there is no scope `{scope}`: did you mean `{meant}`?", scope)
        for right in ("repo", "repo.*", "*", "repo.pins", "billing.plan", "rep.pins", "disk", "repo.merge"):
            self.assertIsNone(_scope.mend(right), right)

    def test_an_action_is_no_part_of_a_scope(self):
        for scope, of, action in [
            ("discussion.comment.create", "discussion.comment", "create"),
            ("discussion.create", "discussion", "create"),
            ("repo.move.*", "repo", "move"),
            ("delete", "repo", "delete"),
        ]:
            told = f'`{action}` is an action: `@on("{of}", actions=["{action}"])`'
            self.refused(ValueError, told, scope)
        on("discussion.comment.create", unknown=True)(lambda event: None)

    def test_a_function_that_is_no_handler_is_told(self):
        def none():
            pass

        def two(event, more):
            pass

        async def waits(event):
            pass

        def wrong(event: str):
            pass

        def other(event: CommentEvent):
            pass

        def quoted(event: "CommentEvent"):
            pass

        def moved(event: MoveEvent):
            pass

        expected = "`none`: a handler takes one event: `def none(event: ContentEvent)`"
        self.refused(TypeError, expected, "repo.content", function=none)
        self.refused(TypeError, "takes one event", "repo.content", function=two)
        self.refused(TypeError, "a handler is a plain function", "repo", function=waits)
        self.refused(TypeError, "`str` is no event: take one of Event, RepoEvent", "repo", function=wrong)
        for function in (other, quoted):
            expected = "`CommentEvent` shows `discussion.comment`; what `repo.content` sends is a `ContentEvent`"
            self.refused(TypeError, expected, "repo.content", function=function)
        self.refused(TypeError, 'write `@on("repo", actions=["move"])`', "repo", function=moved)
        self.refused(TypeError, "plain function", "repo", function=3)

    def test_two_handlers_of_the_same_events_are_told(self):
        on("repo", actions=["create"])(lambda event: None)
        self.refused(ValueError, "takes the same scope and action", "repo")
        on("repo", actions=["delete"])(lambda event: None)

    def test_a_plugin_without_handlers_or_a_description_is_told(self):
        with self.assertRaisesRegex(ValueError, "a plugin handles something"):
            deliver(sample("repo-create"))
        with self.assertRaisesRegex(ValueError, "is there twice"):
            plugin(description="again")


class Events(PluginTest):
    def shown(self, name, scope, actions=(), **changes):
        seen = []
        on(scope, actions=actions)(lambda event: seen.append(event))
        deliver(sample(name, **changes))
        return seen[0]

    def test_each_scope_shows_its_parts(self):
        moved = self.shown("repo-move", "repo", ["move"])
        self.assertIsInstance(moved, RepoEvent)
        self.assertEqual(moved.repo.name, "some-user/some-repo")
        content = self.shown("repo-content", "repo.content")
        self.assertIsInstance(content, ContentEvent)
        told = [(ref.short_name, ref.updated, ref.deleted) for ref in content.refs]
        self.assertEqual(told, [("main", True, False), ("old-branch", False, True)])
        settings = self.shown("repo-config", "repo.config")
        self.assertIsInstance(settings, ConfigEvent)
        self.assertEqual(settings.changes, {"private": True})
        pull = self.shown("discussion-pr", "discussion")
        self.assertIsInstance(pull, DiscussionEvent)
        self.assertTrue(pull.discussion.is_pull_request and pull.discussion.is_open)
        comment = self.shown("discussion-comment", "discussion.comment", content="hi", author="1", num=7)
        self.assertIsInstance(comment, CommentEvent)
        self.assertEqual((comment.comment.content, comment.comment.author.id), ("hi", "1"))
        self.assertEqual((comment.discussion.num, comment.payload["discussion"]["num"]), (7, 7))

    def test_a_function_says_what_it_takes(self):
        def moved(event: MoveEvent):
            return event.to.name

        on("repo", actions=["move"])(moved)
        self.assertEqual(deliver(sample("repo-move")), done("new-org/new-repo"))

    def test_a_move_is_shown_as_one_without_a_word(self):
        on("repo", actions=["move"])(lambda event: event.to.name)
        self.assertEqual(deliver(sample("repo-move")), done("new-org/new-repo"))

    def test_a_scope_that_is_not_known_yet_is_narrowed(self):
        seen = []
        on("repo.config")(lambda event: seen.append(event))
        on("repo.*")(lambda event: seen.append(event))
        deliver(event({"event": {"scope": "repo.config.dois", "action": "create"}, "repo": {"name": "a/b"}}))
        # The subtree has fewer words.
        self.assertEqual([(one.scope, one.action, one.sent_scope) for one in seen], [("repo.config", "update", "repo.config.dois")])
        self.assertIsNone(deliver(sample("discussion")))

    def test_a_part_that_is_not_there_is_told(self):
        on("discussion.comment")(lambda event: done())
        with self.assertRaisesRegex(Reject, "the Hub sends a comment with `discussion.comment`, and this payload has none"):
            deliver(sample("discussion-comment", changes={"comment": 1}))
        later = sample("discussion-comment", scope="discussion.comment.reaction", changes={"comment": None})
        self.assertEqual(deliver(later), ignored("the payload of `discussion.comment.reaction` has no comment"))
        with self.assertRaisesRegex(Reject, "no JSON"):
            event(b"{")
        with self.assertRaisesRegex(Reject, "no object"):
            event(b"[1]")

    def test_every_sample_is_read_and_odd_payloads_too(self):
        seen = []
        on("*")(lambda event: seen.append(event))
        for name in samples():
            deliver(sample(name))
        self.assertEqual(len(seen), len(samples()))
        odd = {"repo": {"name": "a", "tags": ["x", 1], "private": 0, "url": []}, "event": {"scope": "repo", "action": "update"}}
        on("repo")(lambda event: seen.append(event))
        deliver(event(odd))
        self.assertEqual((seen[-1].repo.tags, seen[-1].repo.private, seen[-1].repo.url.web), (["x"], None, None))
        self.assertIsInstance(seen[0], Event)

    def test_a_misspelt_sample_or_part_is_told(self):
        with self.assertRaisesRegex(ValueError, "take one of bucket-content, discussion"):
            sample("nope")
        with self.assertRaisesRegex(TypeError, "a sample has no `contents`"):
            sample("discussion-comment", contents="x")


class Answers(PluginTest):
    def said(self, answer):
        _plugin.PLUGIN.handlers = []
        on("repo")(lambda event: answer)
        return deliver(sample("repo-create"))

    def test_what_a_handler_returns(self):
        self.assertEqual(self.said("text"), done("text"))
        self.assertEqual(self.said(None), done())
        self.assertEqual(self.said(ignored("not ours")), ignored("not ours"))
        self.assertEqual(self.said(done_json({"a": [1]})), done('{"a":[1]}'))
        # No later attempt would return something else.
        for wrong, told in {3: "returned int: return `done", Reject("no"): "a `Reject`: `raise` it", Retry("x"): "`raise` it"}.items():
            with self.assertRaisesRegex(Reject, told):
                self.said(wrong)
        with self.assertRaisesRegex(Reject, "returned dict"):
            self.said({})

    def test_an_exception_asks_for_another_attempt_with_its_causes(self):
        try:
            try:
                {}["x"]
            except KeyError as error:
                raise ValueError("no such name") from error
        except ValueError as error:
            failure = failure_of(error)
        self.assertIsInstance(failure, Retry)
        self.assertEqual(failure.reason, "ValueError: no such name: KeyError: 'x'")
        lazily = failure_of(ModuleNotFoundError("No module named 'csv'"))
        self.assertIn("import at the top of a file", lazily.reason)

    def test_how_long_to_wait_is_a_number_of_seconds(self):
        for wrong in ("60", True, [1]):
            with self.assertRaisesRegex(TypeError, "`after` is a number of seconds, like `after=60`, and no "):
                Retry("later", after=wrong)
        for wrong in (-1, float("nan"), float("inf"), float("-inf")):
            with self.assertRaisesRegex(ValueError, "`after` is a number of seconds from 0 on"):
                Retry("later", after=wrong)
        self.assertEqual([Retry("later", after=right).after for right in (None, 0, 1.5, 60)], [None, 0, 1.5, 60])

    def test_what_knows_better_says_what_to_do(self):
        self.assertIsInstance(failure_of(http.Error("too-large", "…")), Reject)
        self.assertIsInstance(failure_of(http.Error("timeout", "…")), Retry)
        limited = hub.Error("GET /", "…", http.Response(429, {"retry-after": "7"}))
        self.assertEqual(failure_of(limited).after, 7)
        self.assertIsInstance(failure_of(hub.Error("GET /", "…", http.Response(403))), Reject)
        try:
            try:
                raise limited
            except hub.Error as error:
                raise RuntimeError("while greeting") from error
        except RuntimeError as error:
            self.assertEqual(failure_of(error).after, 7)


class Hosts(unittest.TestCase):
    def test_settings_and_state_are_as_the_test_says_and_recorded(self):
        with FakeHost(config={"a": "1"}, state={"n": "4"}) as host:
            self.assertEqual((config.get("a"), config.get("b"), config.get("b", "2")), ("1", None, "2"))
            with self.assertRaisesRegex(config.Missing, r'add `b = "…"` under `\[config\]`'):
                config.require("b")
            self.assertEqual(state.increment("n"), 5)
            state.put("k", "v")
            state.delete("k")
            self.assertEqual((state.keys(), state.get("k"), state.exists("n")), (["n"], None, True))
            with self.assertRaisesRegex(state.Error, "1 to 1,024 bytes"):
                state.put("", "x")
        self.assertEqual(host.writes, [("set", "n", b"5"), ("set", "k", b"v"), ("delete", "k", None)])
        with FakeHost(), self.assertRaisesRegex(state.Error, "not granted"):
            state.get("x")
        with FakeHost(state={}):
            self.assertIsNone(state.get("x"))
        with self.assertRaisesRegex(RuntimeError, "FakeHost"):
            config.get("a")

    def test_what_the_host_would_not_keep_is_told_at_once(self):
        with FakeHost(state={}) as host:
            for wrong in (3, None, [1], {}):
                with self.assertRaisesRegex(TypeError, r"the value of `count` is to be a text or bytes, .* `str\(…\)`"):
                    state.put("count", wrong)
            state.put("bytes", bytearray(b"\x01"))
            for wrong in (1.5, "1", True):
                with self.assertRaisesRegex(TypeError, "a whole number"):
                    state.increment("n", wrong)
            for wrong in (-1, 1 << 64):
                with self.assertRaisesRegex(state.Error, "at most 64 bits, and is not negative"):
                    state.increment("n", wrong)
        self.assertEqual(host.kept, {"bytes": b"\x01"})
        with self.assertRaisesRegex(TypeError, "the value of `n`"):
            FakeHost(state={"n": 4})

    def test_requests_are_answered_and_recorded(self):
        with FakeHost(now_ms=5000) as host:
            host.answers("POST", "https://example.org/notes", json={"ok": True})
            host.answers("POST", "https://example.org/notes", status=503, once=True)
            answers = [http.post("https://example.org/notes?draft=1", json={"text": "é"}) for _ in range(2)]
            self.assertEqual([answer.status for answer in answers], [503, 200])
            self.assertEqual(answers[1].json(), {"ok": True})
            log.info("%s of %s", 1, 2)
            log.info("%s %s", 1)
            self.assertEqual(clock.now(), 5.0)
            with self.assertRaisesRegex(http.Error, "GET https://other.example/: no test gave an answer"):
                http.get("https://other.example/?secret=1")
            for url in ("ftp://x", "https://", "https://a b", "https://me@x/", "https://x/#y", "x"):
                with self.assertRaises(http.Error) as raised:
                    http.get(url)
                self.assertEqual(raised.exception.kind, "invalid", url)
        self.assertEqual(host.requests[0].json(), {"text": "é"})
        self.assertEqual(host.requests[0].header("Content-Type"), "application/json")
        self.assertEqual(host.logs, [("info", "1 of 2"), ("info", "%s %s (1,)")])

    def test_a_line_never_fails(self):
        class NoText:
            def __str__(self):
                raise LookupError("no text")

            __repr__ = __str__

        with FakeHost() as host:
            log.info("%(a)s", {"b": 1})
            log.info("got %s", NoText())
            log.info(NoText())
        self.assertEqual(
            [text for _, text in host.logs],
            ["%(a)s ({'b': 1},)", "got %s (with parts that have no text)", "NoText (with parts that have no text)"],
        )

    def test_a_text_in_place_of_a_list_is_told(self):
        for wrong in ("GET", None, [1]):
            with self.assertRaisesRegex(TypeError, r'`methods` is a list of texts: `methods=\["GET"\]`'):
                Want.http("huggingface.co", methods=wrong)
            with self.assertRaisesRegex(TypeError, r'`paths=\["/api/\*\*"\]`'):
                Want.http("huggingface.co", paths=wrong)
            with self.assertRaisesRegex(TypeError, r'`actions=\["create"\]`'):
                on("repo", actions=wrong)

    def test_wants_are_what_the_host_reads(self):
        want = Want.http("huggingface.co", methods=["GET"], paths=["/api/**"], credential="a token", required=True)
        self.assertEqual(want.detail, '{"methods":["GET"],"paths":["/api/**"],"credential":"a token"}')
        self.assertEqual(Want.config("channel").detail, "")


class Hubs(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost().start()
        self.addCleanup(self.host.stop)
        self.repo = hub.Repo("dataset", "my-org/reviews")

    def test_names_that_could_leave_their_place_are_refused(self):
        for name in ("../x", "a/b/c", "-a", ".a/b", "", "a/b?x"):
            with self.assertRaises(hub.Error, msg=name):
                hub.Repo("model", name)
        with self.assertRaisesRegex(hub.Error, "the type `bucket`"):
            hub.Repo("bucket", "a/b")
        self.assertEqual((str(self.repo), self.repo.api), ("datasets/my-org/reviews", "/api/datasets/my-org/reviews"))

    def test_redirects_and_pages_stay_on_the_host(self):
        url = "https://huggingface.co/api/datasets/my-org/reviews/discussions/7"
        self.host.answers("GET", url, status=307, headers={"location": "/elsewhere"})
        self.host.answers("GET", "https://huggingface.co/elsewhere", json={"num": 7, "title": "x"})
        self.assertEqual(hub.discussion(self.repo, 7).title, "x")
        self.host.answers("GET", url, status=307, headers={"location": "https://evil.example/"})
        with self.assertRaisesRegex(hub.Error, "it leads to evil.example"):
            hub.discussion(self.repo, 7)
        self.host.answers("POST", f"{url}/comment", status=307, headers={"location": "/other?x=1"})
        with self.assertRaisesRegex(hub.Error, "it has moved to /other$"):
            hub._post("/api/datasets/my-org/reviews/discussions/7/comment", {})

    def test_an_answer_that_is_not_what_it_should_be_is_told(self):
        url = "https://huggingface.co/api/datasets/my-org/reviews/discussions/7"
        self.host.answers("GET", url, json={"num": 8})
        with self.assertRaisesRegex(hub.Error, "it is not that discussion"):
            hub.discussion(self.repo, 7)
        self.host.answers("GET", url, status=403, json={"error": "no\x1b[31m"})
        with self.assertRaisesRegex(hub.Error, r"the Hub answers 403: no\[31m$"):
            hub.discussion(self.repo, 7)
        self.host.config["hub-endpoint"] = "https://hub.example/path"
        with self.assertRaisesRegex(config.Missing, "hub-endpoint"):
            hub.endpoint()

    def test_a_mark_counts_at_the_end_alone(self):
        self.assertTrue(hub.is_marked(hub.marked("hi\n", "1")))
        self.assertFalse(hub.is_marked("> <!-- hookbox 1 -->\n\nno"))


if __name__ == "__main__":
    unittest.main()
