"""What a handler takes: an event, with the parts that the Hub always sends with its scope.

| class | scopes | parts |
|---|---|---|
| `RepoEvent` | `repo`, and all under it | `repo` |
| `MoveEvent` | `repo`, `actions=["move"]` | `repo` (its old name), `to` |
| `ContentEvent` | `repo.content` | `repo`, `refs`, `files`, `files_truncated` |
| `ConfigEvent` | `repo.config` | `repo`, `changes` |
| `DiscussionEvent` | `discussion`, and all under it | `repo`, `discussion`, `comment` (where there is one) |
| `CommentEvent` | `discussion.comment` | `repo`, `discussion`, `comment` |
| `Event` | everything | |
"""

from __future__ import annotations

import json as _json
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from . import _scope, payload
from .outcome import Outcome, Reject, ignored


@dataclass(frozen=True)
class Delivery:
    """The facts of a delivery, as the host passes them. `Event` has all of them."""

    id: str
    run_id: str
    attempt: int
    received_at_ms: int
    scope: str
    action: str
    sent_scope: str
    sent_action: str
    repo_type: str | None
    repo_name: str | None
    repo_id: str | None


class Event:
    """One delivery of a webhook. Facts that route it are at hand; the payload is fetched and read on first use, once."""

    def __init__(self, delivery: Delivery, fetch: Callable[[], bytes], header: Callable[[str], str | None]):
        self._delivery, self._fetch, self._header = delivery, fetch, header
        self._body: bytes | None = None
        self._payload: dict[str, Any] | None = None

    @property
    def id(self) -> str:
        """The delivery's id: the same for every plugin that handles it."""
        return self._delivery.id

    @property
    def run_id(self) -> str:
        """The idempotency key: the same over all attempts, new when an operator replays the delivery."""
        return self._delivery.run_id

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return self._delivery.attempt

    @property
    def received_at_ms(self) -> int:
        """When the host received the delivery, in milliseconds since the Unix epoch."""
        return self._delivery.received_at_ms

    @property
    def scope(self) -> str:
        """The scope as the subscription sees it: an unknown scope is narrowed to a known one above it."""
        return self._delivery.scope

    @property
    def action(self) -> str:
        """The action as the subscription sees it: `update` where the scope was narrowed."""
        return self._delivery.action

    @property
    def sent_scope(self) -> str:
        """The scope as the Hub sent it."""
        return self._delivery.sent_scope

    @property
    def sent_action(self) -> str:
        """The action as the Hub sent it."""
        return self._delivery.sent_action

    @property
    def repo_type(self) -> str | None:
        """The repo's type (`model`), if sent; known without reading the payload."""
        return self._delivery.repo_type

    @property
    def repo_name(self) -> str | None:
        """The repo's name with its namespace, if sent; known without reading the payload."""
        return self._delivery.repo_name

    @property
    def repo_id(self) -> str | None:
        """The repo's id, which survives a rename, if sent; known without reading the payload."""
        return self._delivery.repo_id

    @property
    def raw(self) -> bytes:
        """The exact bytes of the request's body."""
        if self._body is None:
            self._body = self._fetch()
        return self._body

    @property
    def payload(self) -> dict[str, Any]:
        """The payload as the Hub sent it, for what no class here has a field for.

        Raises `Reject` if it is not one JSON object: no later attempt could read it either.
        """
        if self._payload is None:
            self._payload = read_object(self.raw)
        return self._payload

    def header(self, name: str) -> str | None:
        """A header of the request, by its case-insensitive name: the host keeps `webhook-id`, `content-type`,
        `user-agent` and `traceparent`."""
        return self._header(name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.action} {self.scope} of {self.repo_name}>"


def read_object(body: bytes) -> dict[str, Any]:
    """Reads a payload."""
    try:
        read = _json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        reason = f"the payload is no JSON that can be read ({error}): check what posted it"
        raise Reject(reason) from None
    if isinstance(read, dict):
        return read
    raise Reject("the payload is JSON, but no object: the Hub sends objects, so check what posted it")


class Lacking(Exception):
    """The payload has not what a class shows."""


T = TypeVar("T")


def _have(part: T | None, name: str) -> T:
    if part is None:
        raise Lacking(name)
    return part


class RepoEvent(Event):
    """Something about a repo: the scope `repo`, and all under it."""

    repo: payload.Repo
    """The repo. (docs: always there)"""

    def _show(self) -> None:
        repo = payload.Repo.read(self.payload.get("repo"))
        # Without its name nothing can be done to it.
        self.repo = _have(repo if repo.name else None, "repo")


class MoveEvent(RepoEvent):
    """A repo got another name or owner: the action `move` of the scope `repo`. `repo` has its old name."""

    to: payload.MovedTo
    """Where it went. (hub client)"""

    def _show(self) -> None:
        super()._show()
        self.to = _have(payload.MovedTo.read(self.payload.get("movedTo")), "new name")


class ContentEvent(RepoEvent):
    """The content of a repo changed: the scope `repo.content`."""

    refs: list[payload.RefUpdate]
    """The branches, tags and pull request refs that changed; empty for buckets. (docs)"""
    files: list[payload.FileUpdate]
    """The files of a bucket that changed, at most 10,000; empty for git repos. (2026 docs)"""
    files_truncated: bool
    """Whether more files changed than are listed. (2026 docs)"""

    def _show(self) -> None:
        super()._show()
        self.refs = payload.refs(self.payload.get("updatedRefs"))
        self.files = payload.files(self.payload.get("updatedFiles"))
        self.files_truncated = self.payload.get("updatedFilesTruncated") is True


class ConfigEvent(RepoEvent):
    """The settings of a repo changed: the scope `repo.config`."""

    changes: dict[str, Any]
    """The settings that changed with their new values; empty where the Hub does not tell which (secrets of a Space).
    (docs)"""

    def _show(self) -> None:
        super()._show()
        changes = self.payload.get("updatedConfig")
        self.changes = changes if isinstance(changes, dict) else {}


class DiscussionEvent(RepoEvent):
    """Something about a discussion or a pull request: the scope `discussion`, and all under it."""

    discussion: payload.Discussion
    """The discussion or pull request. (docs: always there)"""
    comment: payload.Comment | None
    """The first comment, where a discussion is created, or the one that an event under this scope is about. (docs)"""

    def _show(self) -> None:
        super()._show()
        self.discussion = _have(payload.Discussion.read(self.payload.get("discussion")), "discussion")
        self.comment = payload.Comment.read(self.payload.get("comment"))


class CommentEvent(RepoEvent):
    """Something about a comment: the scope `discussion.comment`."""

    discussion: payload.Discussion
    """The discussion or pull request that it is in. (docs: always there)"""
    comment: payload.Comment
    """The comment; a hidden one has no content. (docs: always there)"""

    def _show(self) -> None:
        super()._show()
        self.discussion = _have(payload.Discussion.read(self.payload.get("discussion")), "discussion")
        self.comment = _have(payload.Comment.read(self.payload.get("comment")), "comment")


VIEWS: dict[type[Event], str] = {
    Event: "*",
    RepoEvent: "repo",
    MoveEvent: "repo",
    ContentEvent: "repo.content",
    ConfigEvent: "repo.config",
    DiscussionEvent: "discussion",
    CommentEvent: "discussion.comment",
}
"""What a handler can take, with the scope that sends it."""


def best_view(scope: str, actions: tuple[str, ...] = ()) -> type[Event]:
    """What a handler of a scope, with these actions alone, takes if it does not say."""
    if scope == "repo" and actions == ("move",):
        return MoveEvent
    top = scope.removesuffix(".*")
    fit = [(len(shown), view) for view, shown in VIEWS.items() if view is not MoveEvent and _scope.is_at_or_under(top, shown)]
    return max(fit, key=lambda one: one[0])[1] if fit else Event


def misfit(view: type[Event], scope: str, actions: tuple[str, ...]) -> str | None:
    """Why a handler of these events cannot take that class."""
    if view is Event:
        return None
    if view is MoveEvent:
        if scope == "repo" and actions == ("move",):
            return None
        return (
            "`MoveEvent` is what the action `move` of `repo` sends: write `@on(\"repo\", actions=[\"move\"])`, or take a "
            "`RepoEvent`"
        )
    if scope != "*" and _scope.is_at_or_under(scope.removesuffix(".*"), VIEWS[view]):
        return None
    best = best_view(scope)
    if best is Event:
        return f"`{view.__name__}` shows `{VIEWS[view]}`; what `{scope}` sends only `Event` takes"
    return (
        f"`{view.__name__}` shows `{VIEWS[view]}`; what `{scope}` sends is a `{best.__name__}`, and `Event` takes anything"
    )


def show(event: Event, view: type[Event]) -> Event | Outcome:
    """An event as a handler takes it; or the answer to one without a part that its class shows. Where the Hub promises
    the part, somebody has to look; nobody promised anything of scopes and actions that came later."""
    shown = view(event._delivery, lambda: event.raw, event._header)
    try:
        if isinstance(shown, RepoEvent):
            shown._show()
    except Lacking as lacking:
        sent, part = event.sent_scope, lacking.args[0]
        if event.scope != sent or sent not in _scope.KNOWN or event.sent_action not in _scope.ACTIONS:
            return ignored(f"the payload of `{sent}` has no {part}")
        raise Reject(
            f"the Hub sends a {part} with `{sent}`, and this payload has none: look at what posted it"
        ) from None
    return shown


FACTS = tuple(fact.name for fact in fields(Delivery))
"""The names of a delivery's facts."""
