"""What the kubelet and the controllers say of objects, as an API server holds it: the fields that decide.

Field names and meanings are those of the Kubernetes API reference 1.34, Event v1 core.
"""

from dualstack.model.slim import ObjectMeta, ObjectReference, Slim

_COMBINED = "(combined from similar events): "
"""What client-go puts before the message of one of many (tools/record/events_cache.go)."""


class Series(Slim, frozen=True):
    """How often something has happened, and when last."""

    last_observed_time: str | None = None


class Event(Slim, frozen=True):
    """One thing that was said of an object, however often."""

    metadata: ObjectMeta
    involved_object: ObjectReference = ObjectReference()
    reason: str = ""
    message: str = ""
    last_timestamp: str | None = None
    event_time: str | None = None
    series: Series | None = None

    @property
    def last(self) -> str:
        """When it was said last; times of Kubernetes are in UTC and sort as texts (RFC 3339)."""
        series = self.series.last_observed_time if self.series else None
        return series or self.last_timestamp or self.event_time or self.metadata.creation_timestamp or ""

    @property
    def said(self) -> str:
        """The message in the words of who wrote it."""
        return self.message.removeprefix(_COMBINED)

    def is_about(self, kind: str, about: ObjectMeta) -> bool:
        """Whether it is about an object, and not about one before it of the same name."""
        said = self.involved_object
        same = (said.kind, said.namespace, said.name) == (kind, about.namespace, about.name)
        return same and (not said.uid or not about.uid or said.uid == about.uid)
