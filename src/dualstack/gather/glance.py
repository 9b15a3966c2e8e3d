"""What a document can hold, told by its text alone: most of a repository is of no interest, and parsing takes long.

A document that is passed over is one that no rule could have spoken of. Texts are searched for all words at once, by an
automaton: one word after the other takes three times as long, a regular expression of them all thirty times.
"""

import re
from collections.abc import Container, Mapping
from functools import cache

from ahocorasick_rs import AhoCorasick, MatchKind

from dualstack.model.gateway import PROXIES
from dualstack.model.kube import TEMPLATES
from dualstack.model.patterns import pattern
from dualstack.reach.suppress import ANNOTATION

_CONFIG: tuple[str, ...] = ("receivers", "exporters", "extensions:", "extensions ", 'extensions"', "extensions'")
"""Of which every Collector configuration has one; `apiextensions.k8s.io` is none of them."""
_WORDS: tuple[str, ...] = (
    *("receivers", "exporters", "extensions", "telemetry", "collector", "otel", "otlp", "4317", "4318"),
    *("jaeger", "zipkin", "openobserve", "alloy", "vector", "fluent", "telegraf", "_proxy", "preferipv"),
    *("ipfamil", "clusterips", "loadbalancer", "ipblock", ANNOTATION),
)
"""Of which every document has one, in any case, that a rule can speak of by itself: of telemetry, of the families that
an object names, of blocks of addresses, or of what is not to be told."""
LENDERS = ("ConfigMap", "Secret")
"""Kinds of objects that pods take variables from."""
_MEANT = ("otel", "otlp", "4317", "4318", "collector")
"""Of which a list of variables for telemetry has one, in a name or in an address."""
_WORDS_OF: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(LENDERS, (*_CONFIG, *_MEANT, "opentelemetry", ANNOTATION)),
    **dict.fromkeys(PROXIES, ()),
}
"""Of kinds that hold configurations of the Collector and of other agents, or variables, and of those always read."""

_HOLDING = (*_CONFIG, ANNOTATION)
"""Of which an object of any other kind has one where it is of interest."""

_KIND = pattern(r"^kind:[ \t]+(\w+)", re.MULTILINE)
_KEYS = pattern(r"^[\"']?([A-Za-z][\w.-]*)[\"']?[ \t]*:(?:[ \t]+[\"']?(\w+))?", re.MULTILINE)
_SERVICE = pattern(r"kind[\"']?[ \t]*:[ \t]+[\"']?Service\b")
_NAME = pattern(r"name[\"']?[ \t]*:\s*[\"']?([\w.-]+)", re.ASCII)
_SHORT = 20_000
_WORD = pattern(r"[\w.-]+", re.ASCII)


def kind(text: str) -> str:
    """The kind of an object of Kubernetes; empty where the text does not plainly say that it is one."""
    plain = _KIND.search(text)
    if plain and (text.startswith("apiVersion:") or "\napiVersion:" in text):
        return plain[1]
    keys = dict(_KEYS.findall(text))
    return keys.get("kind", "") if "apiVersion" in keys else ""


def told(text: str) -> str:
    """The kind of a document that is one object in the usual form; empty for any other, which can be anything."""
    plain = _KIND.search(text)
    return plain[1] if plain and "apiVersion" in text and not plain[1].endswith("List") else ""


def speaks(text: str, kind: str, known: Container[str]) -> bool:
    """Whether a document can be of interest by itself; an object of no `known` kind can only hold a configuration."""
    words = _WORDS_OF.get(kind, _WORDS if not kind or kind in known else _HOLDING)
    return not words or bool(_automaton(words).find_matches_as_indexes(text.lower()))


@cache
def _automaton(words: tuple[str, ...]) -> AhoCorasick:
    # Any match will do, and the library has a quicker search for the leftmost one (measured: 1.4 us for 2.4 us).
    return AhoCorasick(words, MatchKind.LeftmostFirst, store_patterns=False)


def serves(text: str, kind: str) -> bool:
    """Whether a document can hold a Service."""
    return kind == "Service" if kind else "Service" in text and _SERVICE.search(text) is not None


def lends(text: str, kind: str) -> bool:
    """Whether a document has pods that take variables from an object, or is such an object of a usual size."""
    return (kind in LENDERS and len(text) < _SHORT) or (kind in TEMPLATES and "envFrom" in text)


def has(text: str, wanted: frozenset[str]) -> bool:
    """Whether a wanted word stands in a text; one that is written with escapes, or not in ASCII, can be any."""
    return "\\" in text or not text.isascii() or not wanted.isdisjoint(_WORD.findall(text))


def names(text: str, wanted: frozenset[str]) -> bool:
    """Whether a wanted word may be the name of something in a text."""
    return "\\" in text or not wanted.isdisjoint(_NAME.findall(text))
