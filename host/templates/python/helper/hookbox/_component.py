"""The component's side of the interface: turns what the host passes into an `Event`, and a plugin's answer back.

It never decides anything: `_plugin` does. An exception that left it would break the interpreter, so none does, but for
`MemoryError`: the host knows what that means.
"""

from __future__ import annotations

from typing import Any

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import hookbox_plugin_types as wit

from . import _given, _host, log
from ._plugin import PLUGIN
from .event import Delivery, Event
from .outcome import Failure, Reject, Retry, failure_of, text_of
from .payload import plain


HELPER = __file__.rpartition("/")[0]
"""Where this helper is: what it does is no news to the author of a plugin."""

FRAMES_MAX = 20
"""The most places that are told of an exception: the last ones."""


def made_of(version: str) -> None:
    """What the project's manifest says; called when the component is made, after the plugin was imported."""
    PLUGIN.version = version
    PLUGIN.check()
    log.take_over_logging()
    _given.host = _host.Host()


class Handler(exports.Handler):
    """What the host calls."""

    def describe(self) -> wit.Manifest:
        """Says what the plugin is."""
        return wit.Manifest(
            version=plain(PLUGIN.version),
            description=plain(PLUGIN.description),
            subscriptions=[wit.Subscription(handler.scope, list(handler.actions)) for handler in PLUGIN.handlers],
            wants=[
                wit.Want(want.kind, plain(want.name), plain(want.detail), want.required, plain(want.because))
                for want in PLUGIN.wants
            ],
        )

    def handle(self, delivery: wit.Delivery) -> wit.Outcome:
        """Hands a delivery to the plugin's handler."""
        try:
            outcome = PLUGIN.handle(_event(delivery))
            text = None if outcome.text is None else plain(str(outcome.text))
            return wit.Outcome_Done(text) if outcome.kind == "done" else wit.Outcome_Ignored(text)
        except MemoryError:
            raise
        except BaseException as error:
            failure = _answer(error)
        raise Err(failure)


def _event(delivery: Any) -> Event:
    seen = delivery.event
    facts = Delivery(
        id=delivery.id,
        run_id=delivery.run_id,
        attempt=delivery.attempt,
        received_at_ms=delivery.received_at,
        scope=seen.scope,
        action=seen.action,
        sent_scope=seen.sent_scope,
        sent_action=seen.sent_action,
        repo_type=seen.repo_type,
        repo_name=seen.repo_name,
        repo_id=seen.repo_id,
    )
    return Event(facts, _host.payload, _host.header)


def _answer(error: BaseException) -> wit.Failure:
    """What an exception means, whatever its class does."""
    try:
        if not isinstance(error, Failure):
            log.write("error", _traceback(error))
        return _failure(failure_of(error))
    except MemoryError:
        raise
    except BaseException:
        reason = f"{type(error).__name__}, of which no more can be told"
        if isinstance(error, Reject):
            return wit.Failure_Rejected(reason)
        return wit.Failure_Retry(wit.RetryLater(reason, None))


def _failure(failure: Failure) -> wit.Failure:
    reason = plain(failure.reason)
    if not isinstance(failure, Retry):
        return wit.Failure_Rejected(reason)
    after = None if failure.after is None else int(min(failure.after, 1 << 53) * 1000)
    return wit.Failure_Retry(wit.RetryLater(reason, after))


def _traceback(error: BaseException) -> str:
    """Where it happened, in the plugin's own files; without Python's `traceback`, which would be most of a plugin's
    memory."""
    lines = []
    frame = error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        if not code.co_filename.startswith(HELPER):
            lines.append(f"  {code.co_filename.rpartition('/')[2]}:{frame.tb_lineno} in {code.co_name}")
        frame = frame.tb_next
    text = text_of(error)
    head = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return "\n".join([head, *lines[-FRAMES_MAX:]])
