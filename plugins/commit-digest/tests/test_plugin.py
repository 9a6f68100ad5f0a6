import unittest

import plugin  # its handlers register themselves
from hookbox import done, hub, ignored
from hookbox.testing import FakeHost, deliver, sample

HUB = "https://huggingface.co/api/models/my-org/demo"
OLD, MIDDLE, NEW = "a" * 40, "b" * 40, "c" * 40


def push(head, run_id="run-1"):
    return sample(
        "repo-content",
        repo="my-org/demo",
        run_id=run_id,
        changes={"repo.id": "1", "updatedRefs": [{"ref": "refs/heads/main", "oldSha": OLD, "newSha": head}]},
    )


def commit(sha, title):
    return {"id": sha, "title": title, "date": "2026-09-01T08:00:00.000Z", "authors": [{"user": "ada"}]}


class DigestTest(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost(state={"told:1": OLD}).start()
        self.addCleanup(self.host.stop)
        self.lists(commit(NEW, "Add @eve's `data`"), commit(MIDDLE, ""), commit(OLD, "Begin"))
        self.host.answers("GET", f"{HUB}/discussions", json={"discussions": [], "count": 0, "start": 0})
        self.host.answers("POST", f"{HUB}/discussions", json={"num": 7, "url": ""})
        self.host.answers("GET", f"{HUB}/discussions/7", json={"num": 7, "events": []})
        self.host.answers("POST", f"{HUB}/discussions/7/comment", json={"newMessage": {"id": "1"}})

    def lists(self, *commits):
        self.host.answers("GET", f"{HUB}/commits/main", json=list(commits))

    def comments(self):
        posted = [request for request in self.host.requests if request.url.endswith("/comment")]
        return [request.json()["comment"] for request in posted]

    def test_the_first_push_is_noted_and_nothing_is_written(self):
        self.host.kept.clear()
        self.assertEqual(deliver(push(MIDDLE)), done("begins after bbbbbbbb"))
        self.assertEqual(self.host.calls, [])
        self.assertEqual(self.host.state_texts, {"told:1": MIDDLE})

    def test_what_came_since_is_told_in_one_comment(self):
        self.assertEqual(deliver(push(NEW)), done("2 commits told in my-org/demo#7"))
        (comment,) = self.comments()
        self.assertEqual(
            comment,
            "**2 commits** on `main`\n\n"
            f"- [cccccccc](https://huggingface.co/my-org/demo/commit/{NEW}) `Add @eve's 'data'`\n"
            f"- [bbbbbbbb](https://huggingface.co/my-org/demo/commit/{MIDDLE}) `(no title)`\n\n"
            "<!-- hookbox run-1 digest -->",
        )
        self.assertEqual(self.host.state_texts, {"told:1": NEW, "discussion:1": "7"})

    def test_a_push_that_was_told_with_a_later_one_is_left_alone(self):
        self.host.kept["told:1"] = NEW.encode()
        said = deliver(push(MIDDLE))
        self.assertEqual(said, ignored("bbbbbbbb is in an earlier digest, or no longer on main"))
        self.assertEqual(self.comments(), [])

    def test_a_push_that_came_meanwhile_is_left_to_its_own_event(self):
        self.assertEqual(deliver(push(MIDDLE)), done("1 commit told in my-org/demo#7"))
        self.assertNotIn("cccccccc", self.comments()[0])

    def test_an_attempt_that_is_made_again_finds_its_comment(self):
        self.host.kept["discussion:1"] = b"7"
        text = hub.marked("…", "run-1 digest")
        entry = {"id": "1", "type": "comment", "data": {"latest": {"raw": text}}}
        self.host.answers("GET", f"{HUB}/discussions/7", json={"num": 7, "events": [entry]})
        self.assertEqual(deliver(push(NEW)), done("2 commits told in my-org/demo#7"))
        self.assertEqual(self.comments(), [])

    def test_a_discussion_that_was_deleted_is_opened_anew(self):
        self.host.kept["discussion:1"] = b"3"
        self.host.answers("GET", f"{HUB}/discussions/3", status=404, json={"error": "not found"})
        self.assertEqual(deliver(push(NEW)), done("2 commits told in my-org/demo#7"))
        self.assertEqual(self.host.state_texts["discussion:1"], "7")

    def test_a_history_that_was_rewritten_is_said_to_be(self):
        self.lists(commit(NEW, "All of it, new"))
        deliver(push(NEW))
        self.assertIn("the history of `main` was rewritten, or is long", self.comments()[0])

    def test_of_a_long_history_it_is_not_said_that_this_was_all(self):
        many = [commit(NEW, "new"), *(commit(f"{number:040}", "x") for number in range(499))]
        self.lists(*many)
        self.assertEqual(deliver(push(NEW)), done("500 commits told in my-org/demo#7"))
        self.host.kept["told:1"] = OLD.encode()
        self.lists(*many, commit("d" * 40, "x"))
        self.assertEqual(deliver(push(NEW)), done("more than 500 commits told in my-org/demo#7"))
        self.assertIn("- and more than 450 others", self.comments()[-1])

    def test_several_pages_are_read_as_far_as_needed(self):
        following = {"link": f'<{HUB}/commits/main?p=1>; rel="next"'}
        first = [commit(NEW, "new")]
        self.host.answers("GET", f"{HUB}/commits/main", json=first, headers=following)
        rest = {"link": f'<{HUB}/commits/main?p=2>; rel="next"'}
        self.host.answers("GET", f"{HUB}/commits/main?p=1", json=[commit(OLD, "old")], headers=rest)
        self.assertEqual(deliver(push(NEW)), done("1 commit told in my-org/demo#7"))
        self.assertNotIn(f"GET {HUB}/commits/main?p=2", self.host.calls)

    def test_a_rate_limit_asks_for_another_attempt_and_writes_nothing(self):
        self.host.answers("GET", f"{HUB}/commits/main", status=429, headers={"ratelimit": '"api";r=0;t=5'})
        with self.assertRaises(hub.Error) as raised:
            deliver(push(NEW))
        self.assertEqual(raised.exception.failure("…").after, 6)
        self.assertEqual(self.host.writes, [])

    def test_other_branches_are_left_alone(self):
        tag = sample("repo-content-tag")
        self.assertEqual(deliver(tag), ignored("nothing was pushed to main"))
