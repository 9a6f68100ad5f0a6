"""A plugin: what it says of itself, and which function handles what."""

from __future__ import annotations

import json as _json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from . import _scope
from .event import VIEWS, Event, best_view, misfit, show
from .outcome import Failure, Outcome, Reject, done

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Want:
    """Something that a plugin asks its operator for. Asking grants nothing: the operator's grant does.

    `Want.http("huggingface.co", methods=["GET", "POST"], paths=["/api/**"], credential="a token that may comment",
    required=True, because="it answers comments")`
    """

    kind: str
    """`http`, `config` or `state`."""
    name: str
    """The host, the key or the label."""
    detail: str = ""
    """Methods, paths and credential as a JSON object; an empty text if there are none."""
    required: bool = False
    """Whether the plugin is useless without it: the host holds the plugin until it is granted."""
    because: str = ""
    """Why, in words for the operator."""

    @classmethod
    def http(
        cls,
        host: str,
        *,
        methods: Sequence[str] = (),
        paths: Sequence[str] = (),
        credential: str | None = None,
        required: bool = False,
        because: str = "",
    ) -> Want:
        """Requests over https to a host. Say all methods and paths that are used, paths as globs (`/api/models/**`). The
        credential is wished for in words: the host adds it, the plugin never sees it."""
        listed = {"methods": _words("methods", methods, "GET"), "paths": _words("paths", paths, "/api/**")}
        detail: dict[str, Any] = {**listed, "credential": credential}
        detail = {name: value for name, value in detail.items() if value}
        return cls("http", host, _compact(detail) if detail else "", required, because)

    @classmethod
    def config(cls, key: str, *, required: bool = False, because: str = "") -> Want:
        """A setting, by its key."""
        return cls("config", key, "", required, because)

    @classmethod
    def state(cls, label: str, *, required: bool = False, because: str = "") -> Want:
        """A place of its own for keys and values that outlive a delivery. The label is for the operator's eyes."""
        return cls("state", label, "", required, because)


def _words(name: str, words: Any, example: str) -> tuple[str, ...]:
    """A list of texts: a text alone would be a list of its letters."""
    if isinstance(words, (list, tuple)) and all(isinstance(word, str) for word in words):
        return tuple(words)
    raise TypeError(f'`{name}` is a list of texts: `{name}=["{example}"]`')


def _compact(value: Any) -> str:
    return _json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class Handler:
    """A scope with its actions, and the function that handles them."""

    scope: str
    actions: tuple[str, ...]
    view: type[Event]
    function: Callable[[Any], Any]

    def handle(self, event: Event) -> Outcome:
        """Shows the event to the function, and takes its answer."""
        shown = show(event, self.view)
        if isinstance(shown, Outcome):
            return shown
        answer = self.function(shown)
        if answer is None or isinstance(answer, str):
            return done(answer)
        if isinstance(answer, Outcome):
            return answer
        # Final: no later attempt would return something else.
        name = self.function.__name__
        if isinstance(answer, Failure):
            failure = type(answer).__name__
            raise Reject(f"`{name}` returned a `{failure}`: `raise` it, as in `raise {failure}(…)`")
        kind = type(answer).__name__
        raise Reject(f"`{name}` returned {kind}: return `done(…)`, `ignored(…)`, a text or nothing")


class Plugin:
    """A plugin. `plugin(…)` and `@on(…)` describe the one that a project is."""

    def __init__(self) -> None:
        self.description = ""
        self.version = "0.0.0"
        self.wants: tuple[Want, ...] = ()
        self.handlers: list[Handler] = []

    def describe(self, description: str, wants: Sequence[Want]) -> None:
        """Says what it does, once."""
        if self.description:
            raise ValueError("`plugin(…)` is there twice: a project is one plugin")
        if not isinstance(description, str) or not description.strip():
            raise ValueError('say what the plugin does: `plugin(description="…")`')
        if not all(isinstance(want, Want) for want in wants):
            raise TypeError('`wants` is a list of `Want.http("…")`, `Want.config("…")` and `Want.state("…")`')
        self.description, self.wants = description, tuple(wants)

    def add(self, handler: Handler) -> None:
        """Adds a handler that no other one is in the way of."""
        for other in self.handlers:
            if other.scope == handler.scope and _scope.share(other.actions, handler.actions):
                raise ValueError(
                    f"`{other.function.__name__}` takes the same scope and action as `{handler.function.__name__}`: which "
                    "of the two is meant?"
                )
        self.handlers.append(handler)

    def check(self) -> None:
        """Raises if something is missing."""
        if not self.handlers:
            raise ValueError('a plugin handles something: put `@on("…")` on a function of `src/plugin.py`')
        if not self.description:
            raise ValueError('say what the plugin does: `plugin(description="…")` in `src/plugin.py`')

    def winner(self, event: Event) -> tuple[Handler, str, str] | None:
        """The handler that wins a sent event, and how it sees scope and action: the most words, exact before subtree."""
        best: tuple[Handler, str, str] | None = None
        for handler in self.handlers:
            seen = _scope.seen(handler.scope, event.sent_scope, event.sent_action)
            if seen is None or (handler.actions and seen[1] not in handler.actions):
                continue
            if best is None or _scope.rank(handler.scope) > _scope.rank(best[0].scope):
                best = (handler, *seen)
        return best

    def handle(self, event: Event) -> Outcome:
        """Calls the handler of an event whose scope and action the host has already narrowed. The subscription that won
        there wins here too: among those that see the same scope and action, the order is the same."""
        taken: Handler | None = None
        for handler in self.handlers:
            fits = _scope.shows(handler.scope, event.scope) and (not handler.actions or event.action in handler.actions)
            if fits and (taken is None or _scope.rank(handler.scope) > _scope.rank(taken.scope)):
                taken = handler
        if taken is None:
            raise Reject(
                f"no handler of this plugin takes `{event.action}` of `{event.scope}`: the plugin and its manifest "
                "disagree, so rebuild it"
            )
        return taken.handle(event)


PLUGIN = Plugin()
"""The plugin that a project is."""


def plugin(*, description: str, wants: Sequence[Want] = ()) -> None:
    """Says what the plugin does, in one line, and what it asks its operator for.

    ```python
    plugin(description="Says hello", wants=[Want.config("greeting")])
    ```
    """
    PLUGIN.describe(description, wants)


def on(scope: str, *, actions: Sequence[str] = (), unknown: bool = False) -> Callable[[Function], Function]:
    """Makes a function the handler of a scope's events: all of them, or those with these actions.

    ```python
    @on("discussion.comment", actions=["create"])
    def greet(event: CommentEvent):
        return done(f"hello {event.comment.author.id}")
    ```

    A scope is exact (`repo.content`), a subtree (`repo.*`), or `*` for all. One that the Hub does not have yet can be
    named too; `unknown=True` if it looks like a misspelt one. The function takes one event: as the class that it
    names, or else as the one that shows the scope. It returns `done(…)`, `ignored(…)`, a text or nothing.
    """
    taken = _checked(scope, actions, unknown)

    def add(function: Function) -> Function:
        view = _view(function, scope, taken)
        PLUGIN.add(Handler(scope, taken, view, function))
        return function

    return add


def _checked(scope: Any, actions: Any, unknown: bool) -> tuple[str, ...]:
    if not isinstance(scope, str):
        raise TypeError('say which events: `@on("repo.content")`')
    if not _scope.is_subscription(scope):
        raise ValueError(f"`{scope}`: a scope is dotted words (`repo.content`), perhaps with `.*` at the end, or `*`")
    reason = None if unknown else _scope.mend(scope)
    if reason is not None:
        raise ValueError(reason)
    actions = _words("actions", actions, "create")
    for place, action in enumerate(actions):
        meant = None if unknown else _scope.nearest(action, _scope.ACTIONS)
        if meant is not None:
            raise ValueError(f"the Hub has no action `{action}`: did you mean `{meant}`?")
        if action in actions[:place]:
            raise ValueError(f"`{action}` is there already")
    return actions


def _view(function: Any, scope: str, actions: tuple[str, ...]) -> type[Event]:
    """What a handler takes: what it names, or what shows its scope."""
    code = getattr(function, "__code__", None)
    if code is None:
        raise TypeError("`@on` stands on a plain function")
    name = function.__name__
    # Flags of code objects: generators, coroutines, asynchronous generators (Python's `inspect.CO_*`).
    if code.co_flags & (0x20 | 0x80 | 0x200):
        raise TypeError(f"`{name}`: a handler is a plain function: calls wait by themselves")
    if code.co_argcount + code.co_kwonlyargcount != 1 or code.co_kwonlyargcount:
        raise TypeError(f"`{name}`: a handler takes one event: `def {name}(event: {best_view(scope, actions).__name__})`")
    named = getattr(function, "__annotations__", {}).get(code.co_varnames[0])
    if named is None:
        return best_view(scope, actions)
    # Under `from __future__ import annotations` it is the text of it.
    last = named.split(".")[-1].strip() if isinstance(named, str) else getattr(named, "__name__", str(named))
    views = [view for view in VIEWS if view.__name__ == last]
    if not views:
        names = ", ".join(view.__name__ for view in VIEWS)
        raise TypeError(f"`{name}`: `{last}` is no event: take one of {names}")
    reason = misfit(views[0], scope, actions)
    if reason is not None:
        raise TypeError(f"`{name}`: {reason}")
    return views[0]
