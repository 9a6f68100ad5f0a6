"""Log lines, kept with the attempt and shown to the operator.

```python
log.info("looking at %s", event.repo.name)
```

`print` and the standard `logging` become log lines too. The host caps what it keeps of an attempt, so a line in a long
loop is not free. Natively they go to standard error.
"""

from __future__ import annotations

import sys
from typing import Any

from . import _given


def trace(message: str, *parts: Any) -> None:
    """Every step."""
    write("trace", message, parts)


def debug(message: str, *parts: Any) -> None:
    """What helps when looking for a fault."""
    write("debug", message, parts)


def info(message: str, *parts: Any) -> None:
    """What happened."""
    write("info", message, parts)


def warning(message: str, *parts: Any) -> None:
    """What wants an eye."""
    write("warn", message, parts)


def error(message: str, *parts: Any) -> None:
    """What went wrong."""
    write("error", message, parts)


def write(level: str, message: str, parts: tuple[Any, ...] = (), context: str = "plugin") -> None:
    """Writes one line; parts are put into it as `%` does, but a line never fails."""
    try:
        text = str(message) % parts if parts else str(message)
    except MemoryError:
        raise
    except Exception:
        text = _readable(message, parts)
    if _given.host is None:
        print(f"{level.upper()} {context}: {text}", file=sys.stderr)
    else:
        _given.host.log(level, context, text)


def _readable(message: Any, parts: Any) -> str:
    """What can be told of a message and parts that do not fit, or have no text."""
    try:
        return f"{message} {parts}"
    except MemoryError:
        raise
    except Exception:
        shown = message if isinstance(message, str) else type(message).__name__
        return f"{shown} (with parts that have no text)"


def take_over_logging() -> None:
    """Has the standard `logging` write here, where the plugin imported it."""
    logging = sys.modules.get("logging")
    if logging is None:
        return

    class ToHost(logging.Handler):  # type: ignore[name-defined, misc]
        def emit(self, record: Any) -> None:
            number = record.levelno
            level = "error" if number >= 40 else "warn" if number >= 30 else "info" if number >= 20 else "debug"
            try:
                text = self.format(record)
            except MemoryError:
                raise
            except Exception:
                text = _readable(record.msg, record.args)
            write(level, text, context=record.name)

    root = logging.getLogger()
    root.handlers[:] = [ToHost()]
    if root.level == logging.WARNING:
        # What Python leaves out unless told otherwise; here it is the operator who chooses what to look at.
        root.setLevel(logging.INFO)
