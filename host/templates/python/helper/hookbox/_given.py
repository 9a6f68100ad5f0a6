"""Who answers what a plugin asks for: the host, or what a test put in its place."""

from __future__ import annotations

from typing import Any

host: Any = None
"""The host of the component, or a `hookbox.testing.FakeHost`."""


def asked() -> Any:
    """The host.

    Raises `RuntimeError` natively, where no test gave one.
    """
    if host is None:
        raise RuntimeError("there is no host here: in a test, work inside `with hookbox.testing.FakeHost() as host:`")
    return host
