"""Plugins for Hookbox in Python: functions that handle webhooks of the Hugging Face Hub.

```python
from hookbox import CommentEvent, done, on, plugin

plugin(description="Says hello")


@on("discussion.comment", actions=["create"])
def greet(event: CommentEvent):
    return done(f"hello {event.comment.author.id}")
```

`config`, `state`, `http`, `hub`, `log` and `clock` are what a plugin can ask its host for; `testing` stands in for the
host in tests, which run natively: `python3 -m unittest`.
"""

from . import clock, config, http, hub, log, state
from ._plugin import Plugin, Want, on, plugin
from .event import CommentEvent, ConfigEvent, ContentEvent, DiscussionEvent, Event, MoveEvent, RepoEvent
from .outcome import Failure, Outcome, Reject, Retry, done, done_json, ignored

__all__ = [
    "CommentEvent",
    "ConfigEvent",
    "ContentEvent",
    "DiscussionEvent",
    "Event",
    "Failure",
    "MoveEvent",
    "Outcome",
    "Plugin",
    "Reject",
    "RepoEvent",
    "Retry",
    "Want",
    "clock",
    "config",
    "done",
    "done_json",
    "http",
    "hub",
    "ignored",
    "log",
    "on",
    "plugin",
    "state",
]
