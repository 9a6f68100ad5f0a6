"""What a handler answers: done, ignored, try again later, or never try again.

A handler returns `done(…)` or `ignored(…)`. It raises `Retry` for another attempt, and `Reject` where none can succeed.
Any other exception asks for another attempt too, with its text as the reason.
"""

from __future__ import annotations

import json as _json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """How a delivery was handled. Made by `done` and `ignored`."""

    kind: str
    """`done` or `ignored`."""
    text: str | None = None
    """For the operator, at most 64 KiB."""


def done(text: str | None = None) -> Outcome:
    """Handled, with a text for the operator."""
    return Outcome("done", text)


def done_json(value: Any) -> Outcome:
    """Handled, with a JSON value for the operator."""
    return done(_json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def ignored(text: str | None = None) -> Outcome:
    """Looked at and left alone, with the reason for the operator."""
    return Outcome("ignored", text)


class Failure(Exception):
    """Why a delivery was not handled: `Retry` or `Reject`."""

    reason: str


class Retry(Failure):
    """Try again later: when the operator's retry schedule says so, or after so many seconds."""

    def __init__(self, reason: str, after: float | None = None):
        super().__init__(reason)
        if after is not None and (isinstance(after, bool) or not isinstance(after, (int, float))):
            raise TypeError(f"`after` is a number of seconds, like `after=60`, and no {type(after).__name__}")
        if after is not None and not 0 <= after < float("inf"):
            raise ValueError(f"`after` is a number of seconds from 0 on, like `after=60`, and not {after}")
        self.reason = str(reason)
        self.after = after
        """Seconds, or `None` for the operator's schedule."""


class Reject(Failure):
    """Never try again: no later attempt could succeed."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = str(reason)


class Advised(Exception):
    """An exception that says itself what a handler answers to it, unless it is caught."""

    def failure(self, reason: str) -> Failure:
        """The answer, for that reason."""
        return Retry(reason)


def failure_of(error: BaseException) -> Failure:
    """What an exception means that no handler caught. The reason is its text and that of every one beneath it; the
    outermost that knows better says what to do."""
    links = _chain(error)
    if isinstance(error, Failure):
        return error
    reason = ": ".join(_told(link) for link in links)
    for link in links:
        if isinstance(link, Retry):
            return Retry(reason, link.after)
        if isinstance(link, Reject):
            return Reject(reason)
        if isinstance(link, Advised):
            return link.failure(reason)
    return Retry(reason)


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    beneath: BaseException | None = error
    while beneath is not None and not any(beneath is link for link in links) and len(links) < 10:
        links.append(beneath)
        # What happened while another was handled is no cause, unless that was said.
        beneath = beneath.__cause__
    return links


def text_of(error: BaseException) -> str:
    """The text of an exception, whose class may be anybody's."""
    try:
        return str(error)
    except MemoryError:
        raise
    except BaseException:
        return "(its text cannot be read)"


def _told(error: BaseException) -> str:
    text = text_of(error)
    if isinstance(error, (Failure, Advised)):
        return text
    name = type(error).__name__
    if isinstance(error, ImportError):
        text += " (a component has only the modules that were imported while it was built: import at the top of a file)"
    return f"{name}: {text}" if text else name
