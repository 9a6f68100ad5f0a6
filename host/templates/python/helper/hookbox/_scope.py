"""Which handler gets an event: the host's rule, so that a plugin is tested with it and picks the right handler.

Scopes are compared word by word, never as texts: `repo.contents` is not under `repo.content`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

KNOWN = ("repo", "repo.content", "repo.config", "discussion", "discussion.comment")
"""The scopes that this version of the interface knows. One that it does not know is seen by an exact subscription to
the nearest known one above it, as an `update` there."""

ACTIONS = ("create", "update", "delete", "move")
"""The actions that the Hub documents."""


def is_subscription(scope: str) -> bool:
    """Whether a text is dotted words, perhaps with `.*` at the end, or `*`."""
    if scope == "*":
        return True
    words = scope.removesuffix(".*").split(".")
    return all(word and word.isascii() and word.replace("-", "_").replace("_", "a").isalnum() for word in words)


def nearest(word: str, known: Sequence[str]) -> str | None:
    """The known word that was probably meant by one that is nearly the same."""
    if word in known:
        return None
    near = [(distance(word, other), other) for other in known]
    # Of a short word two letters are half of another one: `remove` is no `move`.
    near = [(far, other) for far, other in near if far <= (1 if len(other) < 5 else 2)]
    return min(near)[1] if near else None


def mend(scope: str) -> str | None:
    """What to write in place of a scope that the Hub probably does not have."""
    of, _, action = scope.removesuffix(".*").rpartition(".")
    if action in ACTIONS:
        of = of or "repo"
        return f'`{action}` is an action: `@on("{of}", actions=["{action}"])`'
    meant = meant_scope(scope)
    if meant is None:
        return None
    return f'there is no scope `{scope}`: did you mean `{meant}`? (If the Hub has it: `@on("{scope}", unknown=True)`)'


def meant_scope(scope: str) -> str | None:
    """The scope that was probably meant by one that the Hub does not have."""
    top = scope.removesuffix(".*")
    ends = [known for known in KNOWN if "." in known and known.rpartition(".")[2] == top]
    meant = ends[0] if ends else nearest(top, KNOWN)
    return meant and meant + scope[len(top) :]


def distance(one: str, other: str) -> int:
    """How many letters have to be added, left out or changed to make one word of the other."""
    row = list(range(len(other) + 1))
    for line, have in enumerate(one, 1):
        above_left, row[0] = row[0], line
        for place, want in enumerate(other, 1):
            changed = above_left + (have != want)
            above_left = row[place]
            row[place] = min(changed, row[place] + 1, row[place - 1] + 1)
    return row[-1]


def is_at_or_under(scope: str, top: str) -> bool:
    """Whether a scope is another one, or below it."""
    return scope == top or scope.startswith(top + ".")


def shows(pattern: str, scope: str) -> bool:
    """Whether a subscription sees a scope as it is."""
    if pattern.endswith(".*"):
        return is_at_or_under(scope, pattern.removesuffix(".*"))
    return pattern in ("*", scope)


def seen(pattern: str, scope: str, action: str) -> tuple[str, str] | None:
    """How a subscription sees a sent event, if at all."""
    if shows(pattern, scope):
        return scope, action
    above = [known for known in KNOWN if is_at_or_under(scope, known)]
    if scope not in KNOWN and above and max(above, key=len) == pattern:
        return pattern, "update"
    return None


def rank(pattern: str) -> tuple[int, bool]:
    """The most words win, exact before a subtree."""
    if pattern == "*":
        return 0, False
    return pattern.removesuffix(".*").count(".") + 1, not pattern.endswith(".*")


def share(ours: Iterable[str], theirs: Iterable[str]) -> bool:
    """Whether two lists of actions have one in common; an empty one has all."""
    ours, theirs = set(ours), set(theirs)
    return not ours or not theirs or bool(ours & theirs)
