"""What time it is; a test says it with `FakeHost(now_ms=…)`."""

from __future__ import annotations

import time

from . import _given


def now_ms() -> int:
    """Milliseconds since the Unix epoch."""
    now: int | None = None if _given.host is None else _given.host.now_ms()
    return time.time_ns() // 1_000_000 if now is None else now


def now() -> float:
    """Seconds since the Unix epoch."""
    return now_ms() / 1000
