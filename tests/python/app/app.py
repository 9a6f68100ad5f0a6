"""A plugin in Python: answers each delivery with what happened where."""

from wit_world import exports
from wit_world.imports.hookbox_plugin_types import (
    Delivery,
    Manifest,
    Outcome,
    Outcome_Done,
    Subscription,
)


class Handler(exports.Handler):
    def describe(self) -> Manifest:
        return Manifest(
            version="1.0.0",
            description="Says what happened, in Python",
            subscriptions=[Subscription(scope="*", actions=[])],
            wants=[],
        )

    def handle(self, delivery: Delivery) -> Outcome:
        event = delivery.event
        return Outcome_Done(f"{event.action} on {event.scope} of {event.repo_name}")
