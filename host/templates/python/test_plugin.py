import unittest

import plugin  # its handlers register themselves
from hookbox import done
from hookbox.testing import FakeHost, deliver, sample


class GreetTest(unittest.TestCase):
    def test_whoever_comments_is_greeted(self):
        with FakeHost() as host:
            said = deliver(sample("discussion-comment"))
        self.assertEqual(said, done("hello 61d2000c3c2083e1c08af22d"))
        self.assertEqual(host.logs, [("info", "a comment on some-user/some-repo")])

    def test_an_edit_is_nobodys(self):
        self.assertIsNone(deliver(sample("discussion-comment-edit")))
