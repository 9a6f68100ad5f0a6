"""The side of the helper that only a component has, with stand-ins for what makes components."""

import sys
import unittest
from collections import namedtuple
from types import ModuleType, SimpleNamespace
from unittest import mock

from hookbox import Reject, Retry, _plugin, done
from hookbox.testing import FakeHost

Rejected = namedtuple("Rejected", "value")
Later = namedtuple("Later", "reason after")


class Err(Exception):
    """What the interface has for a failure."""

    def __init__(self, value):
        self.value = value


def component():
    """The module, with what it needs of a component."""
    wit = ModuleType("hookbox_plugin_types")
    wit.Failure_Rejected, wit.Failure_Retry, wit.RetryLater = Rejected, lambda later: later, Later
    wit.Outcome_Done = wit.Outcome_Ignored = lambda text: text
    for name in ("Delivery", "Manifest", "Outcome", "Failure"):
        setattr(wit, name, object)
    world, imports, types = ModuleType("wit_world"), ModuleType("wit_world.imports"), ModuleType("componentize_py_types")
    world.exports, imports.hookbox_plugin_types, types.Err = SimpleNamespace(Handler=object), wit, Err
    host = ModuleType("hookbox._host")
    host.payload, host.header = (lambda: b"{}"), (lambda name: None)
    modules = {"wit_world": world, "wit_world.imports": imports, "componentize_py_types": types, "hookbox._host": host}
    with mock.patch.dict(sys.modules, modules):
        from hookbox import _component
    return _component


class NoText(Exception):
    def __str__(self):
        raise ValueError("no text")


class NoReason(Reject):
    def __init__(self):
        pass


class Handled(unittest.TestCase):
    def answer(self, error):
        """What the host gets for an exception."""
        seen = SimpleNamespace(
            scope="repo", action="create", sent_scope="repo", sent_action="create", repo_type=None, repo_name=None, repo_id=None
        )
        delivery = SimpleNamespace(id="1", run_id="2", attempt=1, received_at=0, event=seen)
        raising = mock.Mock(side_effect=error)
        with FakeHost(), mock.patch.object(_plugin.PLUGIN, "handle", raising):
            handler = component().Handler()
            with self.assertRaises(Err) as raised:
                handler.handle(delivery)
        return raised.exception.value

    def test_no_exception_leaves_the_handler_but_a_lack_of_memory(self):
        for error in (KeyboardInterrupt(), GeneratorExit(), SystemExit(3), ValueError("x")):
            self.assertIn(type(error).__name__, self.answer(error).reason)
        if sys.version_info >= (3, 11):
            group = BaseExceptionGroup("several", [KeyboardInterrupt()])
            self.assertIn("several", self.answer(group).reason)
        self.assertEqual(self.answer(NoText()), Later("NoText: (its text cannot be read)", None))
        with self.assertRaises(MemoryError):
            self.answer(MemoryError())

    def test_a_failure_is_told_as_it_is_even_if_its_class_is_broken(self):
        self.assertEqual(self.answer(Reject("no")), Rejected("no"))
        self.assertEqual(self.answer(Retry("later", after=1.5)), Later("later", 1500))
        self.assertEqual(self.answer(Retry("later", after=1e308)).after, (1 << 53) * 1000)
        self.assertEqual(self.answer(NoReason()), Rejected("NoReason, of which no more can be told"))
