"""The operator's settings for the plugin: the grant's `[config]`.

Values are plain text, and never secrets: the host adds credentials to requests itself. Declare what is needed with
`Want.config`, so that the operator is asked for it.
"""

from __future__ import annotations

from ._given import asked


class Missing(Exception):
    """A setting that the operator has not set, or set to something else than what it is for."""


def get(key: str, default: str | None = None) -> str | None:
    """A setting, if the operator has set it."""
    value: str | None = asked().setting(key)
    return default if value is None else value


def require(key: str) -> str:
    """A setting that the plugin cannot do without.

    Raises `Missing`, which names the line to add. Uncaught it asks for another attempt, so that a delivery is not lost
    over it.
    """
    value = get(key)
    if value is None:
        raise Missing(f'the setting `{key}` is missing: add `{key} = "…"` under `[config]` of the plugin\'s grant')
    return value


def settings() -> dict[str, str]:
    """All settings, by key."""
    return dict(asked().settings())
