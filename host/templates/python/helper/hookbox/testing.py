"""Tests of plugins, natively: sample events, and a host that a test plays.

```python
import unittest

import plugin
from hookbox import done
from hookbox.testing import FakeHost, deliver, sample


class GreetTest(unittest.TestCase):
    def test_whoever_comments_is_greeted(self):
        with FakeHost(config={"greeting": "hi"}) as host:
            event = sample("discussion-comment", author="61d2f90c3c2083e1c08af22d")
            self.assertEqual(deliver(event), done("hi 61d2f90c3c2083e1c08af22d"))
        self.assertEqual(host.calls, [])
```

`python3 -m unittest` runs it; nothing has to be installed.
"""

from __future__ import annotations

import json as _json
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from . import _given, http, state
from ._plugin import PLUGIN
from .event import FACTS, Delivery, Event, read_object
from .outcome import Outcome
from .state import as_bytes as _as_bytes

SAMPLES = Path(__file__).with_name("samples")
"""One payload for each kind of event that the Hub sends."""

PLACES = {
    "action": ("event", "action"),
    "scope": ("event", "scope"),
    "repo": ("repo", "name"),
    "repo_type": ("repo", "type"),
    "private": ("repo", "private"),
    "title": ("discussion", "title"),
    "status": ("discussion", "status"),
    "num": ("discussion", "num"),
    "content": ("comment", "content"),
}
"""Where in a payload the changes of `sample` go."""


def samples() -> list[str]:
    """The names of the samples."""
    return sorted(path.stem for path in SAMPLES.glob("*.json"))


def sample(
    name: str,
    *,
    author: str | None = None,
    changes: dict[str, Any] | None = None,
    attempt: int = 1,
    run_id: str | None = None,
    headers: dict[str, str] | None = None,
    **parts: Any,
) -> Event:
    """A sample event: `sample("discussion-comment", content="@bot hello", num=7)`.

    Parts are `action`, `scope`, `repo` (its name), `repo_type`, `private`, `title`, `status`, `num`, `content`, and
    `author` (an id: of the comment, or else of the discussion). Anything else by its place in the payload:
    `changes={"updatedRefs.0.newSha": "…"}`; `None` there is JSON's `null`.
    """
    path = SAMPLES / f"{name}.json"
    if name not in samples():
        raise ValueError(f"there is no sample `{name}`: take one of {', '.join(samples())}")
    payload = _json.loads(path.read_text(encoding="utf-8"))
    for part, value in parts.items():
        if part not in PLACES:
            known = ", ".join([*PLACES, "author"])
            raise TypeError(f"a sample has no `{part}`: it has {known}, and `changes` for all else")
        _put(payload, PLACES[part], value)
    if author is not None:
        _put(payload, ("comment" if "comment" in payload else "discussion", "author", "id"), author)
    for place, value in (changes or {}).items():
        _put(payload, tuple(place.split(".")), value)
    return event(payload, attempt=attempt, run_id=run_id, headers=headers)


def _put(payload: Any, place: tuple[str, ...], value: Any) -> None:
    for key in place[:-1]:
        payload = payload[int(key)] if isinstance(payload, list) else payload.setdefault(key, {})
    if isinstance(payload, list):
        payload[int(place[-1])] = value
    else:
        payload[place[-1]] = value


def event(
    payload: dict[str, Any] | bytes,
    *,
    attempt: int = 1,
    run_id: str | None = None,
    headers: dict[str, str] | None = None,
) -> Event:
    """An event with a payload of one's own: scope and action as in the payload."""
    body = payload if isinstance(payload, bytes) else _json.dumps(payload).encode()
    read = read_object(body)

    def text(part: str, name: str) -> str | None:
        found = read.get(part)
        value = found.get(name) if isinstance(found, dict) else None
        return value if isinstance(value, str) and value else None

    scope, action = text("event", "scope") or "", text("event", "action") or ""
    facts = Delivery(
        id="00000000-0000-7000-8000-000000000001",
        run_id=run_id or "00000000-0000-7000-8000-000000000002",
        attempt=attempt,
        received_at_ms=1_767_225_600_000,
        scope=scope,
        action=action,
        sent_scope=scope,
        sent_action=action,
        repo_type=text("repo", "type"),
        repo_name=text("repo", "name"),
        repo_id=text("repo", "id"),
    )
    kept = {name.lower(): value for name, value in {"content-type": "application/json", **(headers or {})}.items()}
    return Event(facts, lambda: body, lambda name: kept.get(name.lower()))


def deliver(event: Event) -> Outcome | None:
    """Does what the host does with a delivery: picks the handler that wins it, narrows scope and action to how that one
    sees them, and calls it. `None` if there is none: the host would not call the plugin at all.

    What the handler raises is raised here: `Retry` and `Reject` as they are, and any other exception, for which the host
    would make another attempt.
    """
    PLUGIN.check()
    won = PLUGIN.winner(event)
    if won is None:
        return None
    handler, scope, action = won
    facts = Delivery(**{name: getattr(event, name) for name in FACTS})
    return handler.handle(Event(replace(facts, scope=scope, action=action), lambda: event.raw, event.header))


@dataclass
class Answer:
    """What a fake host answers to a request."""

    method: str
    url: str
    answer: http.Response | http.Error
    once: bool = False


class FakeHost:
    """A host for tests: it answers what the test says, and records what it was asked.

    `config` are the grant's settings, `state` is what the plugin kept before (`{}` if nothing; without it the state
    is not granted), and `now_ms` is the time (the machine's if absent).
    """

    def __init__(
        self,
        *,
        config: dict[str, str] | None = None,
        state: dict[str, str | bytes] | None = None,
        now_ms: int | None = None,
    ):
        self.config = dict(config or {})
        self.time_ms = now_ms
        self.kept = {key: _as_bytes(key, value) for key, value in (state or {}).items()}
        """What the plugin keeps, as bytes."""
        self.writes: list[tuple[str, str, bytes | None]] = []
        """What it did to that: `("set", key, value)` and `("delete", key, None)`."""
        self.requests: list[http.Request] = []
        """What it sent."""
        self.logs: list[tuple[str, str]] = []
        """What it logged: levels and texts."""
        self._is_state_granted = state is not None
        self._answers: list[Answer] = []
        self._before: Any = None

    def __enter__(self) -> FakeHost:
        self._before, _given.host = _given.host, self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        _given.host = self._before

    def start(self) -> FakeHost:
        """Plays the host until `stop`: for `setUp`, with `self.addCleanup(host.stop)`."""
        return self.__enter__()

    def stop(self) -> None:
        """Ends what `start` began."""
        self.__exit__(None, None, None)

    @property
    def calls(self) -> list[str]:
        """What the plugin sent, as `POST https://example.org/notes`, with the query."""
        return [f"{request.method} {request.url}" for request in self.requests]

    @property
    def state_texts(self) -> dict[str, str]:
        """What the plugin keeps, as text."""
        return {key: value.decode("utf-8", "replace") for key, value in self.kept.items()}

    def answers(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        status: int = 200,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        error: http.Error | None = None,
        once: bool = False,
    ) -> None:
        """Answers a request from here on, or `once`: with JSON, bytes, a status; or with none: an `http.Error`. A later
        answer to the same request counts before an earlier one; those that are there `once` before all, in order. The
        address may leave out the query."""
        named = {name.lower(): value for name, value in (headers or {}).items()}
        if json is not None:
            body = _json.dumps(json).encode()
            named.setdefault("content-type", "application/json")
        self._answers.append(Answer(method, url, error or http.Response(status, named, body), once))

    def send(self, request: http.Request) -> http.Response:
        """Answers a request."""
        self.requests.append(request)
        fits = [
            answer
            for answer in self._answers
            if answer.method == request.method and answer.url in (request.url, request.url.partition("?")[0])
        ]
        once = [answer for answer in fits if answer.once]
        if not fits:
            reason = f"no test gave an answer: `host.answers(\"{request.method}\", \"{request.url}\", …)`"
            raise http.Error("denied", reason, str(request))
        answer = once[0] if once else fits[-1]
        if answer.once:
            self._answers.remove(answer)
        if isinstance(answer.answer, http.Error):
            raise http.Error(answer.answer.kind, answer.answer.detail, str(request))
        return answer.answer

    def log(self, level: str, context: str, message: str) -> None:
        """Records a line."""
        self.logs.append((level, message))

    def now_ms(self) -> int | None:
        """What time it is."""
        return self.time_ms

    def setting(self, key: str) -> str | None:
        """A setting."""
        return self.config.get(key)

    def settings(self) -> list[tuple[str, str]]:
        """All settings."""
        return list(self.config.items())

    def state(self) -> FakeState:
        """The plugin's state. What is written counts at once; that a failed attempt leaves nothing behind is the host's
        doing."""
        if not self._is_state_granted:
            raise state.Error("the state is not granted: add `[state]` to the plugin's grant")
        return FakeState(self)


class FakeState:
    """The state of a fake host, with the host's bounds on keys and values."""

    def __init__(self, host: FakeHost):
        self._host = host

    def get(self, key: str) -> bytes | None:
        """The value of a key."""
        return self._host.kept.get(_key(key))

    def set(self, key: str, value: bytes) -> None:
        """Keeps a value."""
        if len(value) > 1024 * 1024:
            raise state.Error("a value has at most 1 MiB")
        self._host.kept[_key(key)] = value
        self._host.writes.append(("set", key, value))

    def delete(self, key: str) -> None:
        """Forgets a key."""
        self._host.kept.pop(_key(key), None)
        self._host.writes.append(("delete", key, None))

    def exists(self, key: str) -> bool:
        """Whether there is a value."""
        return _key(key) in self._host.kept

    def increment(self, key: str, by: int) -> int:
        """Adds to a number."""
        before = (self.get(key) or b"0").decode("utf-8", "replace")
        if not (before.isascii() and before.isdigit()):
            raise state.Error("the value is no decimal number")
        total = int(before) + by
        if not 0 <= total < 1 << 64:
            raise state.Error("the sum has more than 64 bits")
        self.set(key, str(total).encode())
        return total

    def keys(self) -> list[str]:
        """All keys."""
        return sorted(self._host.kept)


def _key(key: str) -> str:
    if not 1 <= len(key.encode("utf-8", "replace")) <= 1024:
        raise state.Error("a key has 1 to 1,024 bytes")
    return key
