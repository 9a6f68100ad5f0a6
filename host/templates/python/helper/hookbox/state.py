"""What a plugin keeps: keys and values of its own that outlive a delivery.

The operator grants it with `[state]`, which also bounds it in keys and bytes. Declare it with `Want.state`.

The host keeps what an attempt wrote together with the attempt's end, or not at all: after `done`, `ignored` or `Reject`
it is there, after `Retry` or another exception it never was. If something that the attempt read was changed by another
one meanwhile, the attempt counts as a conflict and runs again. So a counter is right, however many attempts count at
once.

A key has 1 to 1,024 bytes, a value at most 1 MiB.
"""

from __future__ import annotations

from ._given import asked


class Error(Exception):
    """The state is not granted, or the host said no, in its words."""


def get(key: str) -> str | None:
    """The value of a key, as text. Bytes that are no UTF-8 are replaced."""
    value = get_bytes(key)
    return None if value is None else value.decode("utf-8", "replace")


def get_bytes(key: str) -> bytes | None:
    """The value of a key."""
    value: bytes | None = asked().state().get(key)
    return value


def put(key: str, value: str | bytes) -> None:
    """Keeps a value under a key."""
    asked().state().set(key, as_bytes(key, value))


def as_bytes(key: str, value: str | bytes) -> bytes:
    """A value as it is kept. Not of anything: of a number, `bytes` would make as many zeros.

    Raises `TypeError` if it is neither text nor bytes.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    kind = type(value).__name__
    raise TypeError(f"the value of `{key}` is to be a text or bytes, and is {kind}: write `str(…)`, or `json.dumps(…)`")


def delete(key: str) -> None:
    """Forgets a key, if it is there."""
    asked().state().delete(key)


def exists(key: str) -> bool:
    """Whether there is a value under a key."""
    return bool(asked().state().exists(key))


def increment(key: str, by: int = 1) -> int:
    """Adds to a decimal number, which begins at zero, and returns the sum. What is added is not negative."""
    if isinstance(by, bool) or not isinstance(by, int):
        raise TypeError(f"what is added is a whole number, and not {type(by).__name__}")
    if not 0 <= by < 1 << 64:
        raise Error("what is added has at most 64 bits, and is not negative")
    total: int = asked().state().increment(key, by)
    return total


def keys() -> list[str]:
    """All keys."""
    return list(asked().state().keys())
