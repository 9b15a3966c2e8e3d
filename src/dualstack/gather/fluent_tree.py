"""The classic configuration of Fluent Bit as nodes with their places: `[INPUT]` and lines of a key and a value.

The names of sections and keys are in lower case, for their case does not matter
(https://docs.fluentbit.io/manual/administration/configuring-fluent-bit/classic-mode/format-schema).
"""

import re

from dualstack.gather.text_tree import Page
from dualstack.gather.yaml_tree import Node, Origin, SequenceNode

_SECTION = re.compile(r"[ \t]*\[(?P<name>[^\]\r\n]*)\]")
_PAIR = re.compile(r"[ \t]*(?P<key>[^\s#@\[]\S*)[ \t]+(?P<value>\S[^\r\n]*)")


def tree(origin: Origin) -> Node:
    """The nodes of a configuration; lines that are neither a section nor a pair are passed over. Raises BadFile."""
    page = Page(origin, "a configuration of Fluent Bit")
    root, sections, section, at = page.mapping(0), dict[str, SequenceNode](), page.mapping(0), 0
    while at < len(page.text):
        head, pair = _SECTION.match(page.text, at), _PAIR.match(page.text, at)
        if head:
            name, section = head["name"].strip().lower(), page.mapping(at)
            if name not in sections:
                sections[name] = page.sequence(at)
                root.value.append((page.scalar(*head.span("name"), name), sections[name]))
            sections[name].value.append(section)
        elif pair:
            said = pair["value"].rstrip()
            key = page.scalar(*pair.span("key"), pair["key"].lower())
            # Nobody takes quotes off here: an edit could only be right without any.
            section.value.append((key, page.scalar(pair.start("value"), pair.start("value") + len(said), said, "|")))
        end = page.text.find("\n", at)
        at = len(page.text) if end < 0 else end + 1
    return root
