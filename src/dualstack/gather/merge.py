"""Several configurations as one, as the Collector merges them, each node with the file that it came from.

Later texts win: mappings are merged key by key, and anything else is replaced, also by null (koanf, maps.Merge).
"""

from collections.abc import Iterator, Sequence

import msgspec

from dualstack.gather.errors import BadFile
from dualstack.gather.yaml_tree import MappingNode, Node, Origin, ScalarNode, SequenceNode, items, pairs, scalar
from dualstack.model.source import Location, Room, Written

DELIMITER = "::"
"""What stands between the keys of a path (confmap.KeyDelimiter), also in the keys of a file."""

MOST = 100_000
"""Nodes of one merged configuration."""

Part = tuple[Node, Origin]


class Origins(Origin, frozen=True):
    """Where the nodes of a tree stand that is made of several texts; a node that nobody held is of the first one."""

    of: dict[int, tuple[Node, Origin]] = msgspec.field(default_factory=dict)

    def hold(self, root: Node, origin: Origin) -> None:
        """Keep where a node, and every node below it that has no place yet, was read from."""
        pending = [root]
        while pending:
            node = pending.pop()
            if id(node) not in self.of:
                self.of[id(node)] = (node, origin)
                pending += below(node)

    def at(self, node: Node) -> Origin:
        """The text that a node stands in."""
        if id(node) in self.of:
            return self.of[id(node)][1]
        return Origin(self.file, self.text, self.line, self.column, self.whole)

    def location(self, node: Node) -> Location:
        """The place of a node in its file."""
        return self.at(node).location(node)

    def written(self, node: Node | None) -> Written | None:
        """A scalar with its place and its spelling; None for anything else."""
        return self.at(node).written(node) if node is not None else None

    def inner(self, node: ScalarNode) -> Origin:
        """The origin of the text that a scalar holds."""
        return self.at(node).inner(node)

    def span(self, first: Node, last: Node) -> Written | None:
        """The text from one node to the end of another; None where they are of two texts."""
        held = self.at(first)
        return held.span(first, last) if held == self.at(last) else None

    def room(self, node: Node | None) -> Room | None:
        """Where an entry can be written; None where the first one is of another text than what holds it."""
        first = next(below(node), None) if node is not None else None
        return self.at(first).room(node) if node and first and self.at(first) == self.at(node) else None

    def removal(self, node: Node, among: Node | None) -> Written | None:
        """The text to take away with an item of a list; None where the items are of several texts."""
        held = self.at(node)
        return held.removal(node, among) if all(self.at(x) == held for x in items(among)) else None


def origins(first: Origin) -> Origins:
    """The origins of a tree whose nodes all stand in one text, so far."""
    if isinstance(first, Origins):
        return first
    return Origins(first.file, first.text, first.line, first.column, first.whole)


def below(node: Node) -> Iterator[Node]:
    """The nodes that a node holds."""
    if isinstance(node, MappingNode):
        for key, held in node.value:
            yield key
            yield held
    elif isinstance(node, SequenceNode):
        yield from node.value


def merged(parts: Sequence[Part]) -> Part:
    """One configuration of at least one; a text that holds no mapping adds nothing. Raises BadFile."""
    known = origins(parts[0][1])
    for root, origin in parts:
        known.hold(root, origin)
    whole = _mapping(parts[0][0], {}, known)
    for root, _ in parts:
        whole = _onto(whole, _spread(root, known), known)
    return _spread_below(whole, known), known


def _onto(earlier: Node, later: Node, known: Origins) -> MappingNode:
    """What two mappings make together; a node that is none holds nothing."""
    held = _held(earlier)
    for name, (key, value) in _held(later).items():
        before = held.get(name)
        if before and isinstance(before[1], MappingNode) and isinstance(value, MappingNode):
            held[name] = (before[0], _onto(before[1], value, known))
        else:
            held[name] = (key, value)
    return _mapping(earlier, held, known)


def _held(node: Node) -> dict[str, tuple[Node, Node]]:
    """The keys and values of a mapping by the text of the key, without those that `<<` brings and it has itself."""
    found: dict[str, tuple[Node, Node]] = {}
    for key, value in pairs(node):
        found.setdefault(scalar(key), (key, value))
    return found


def _spread(node: Node, known: Origins) -> MappingNode:
    """A mapping whose keys that are paths (`a::b`) are the mappings that they stand for, in the order of the keys."""
    held = _held(node)
    for name in sorted(x for x in held if DELIMITER in x):
        key, value = held.pop(name)
        first, *rest = name.split(DELIMITER)
        for step in reversed(rest):
            value = _mapping(key, {step: (_key(key, step, known), value)}, known)
        before = held.get(first)
        held[first] = (before[0], _onto(before[1], value, known)) if before else (_key(key, first, known), value)
    return _mapping(node, held, known)


def _spread_below(node: MappingNode, known: Origins) -> MappingNode:
    """The same for every mapping in it, which is what the Collector does with a merged configuration as a whole."""
    if not any(DELIMITER in x.value for x in _keys(node)):
        return node
    whole = _spread(node, known)
    below = {k: (x, _spread_below(y, known) if isinstance(y, MappingNode) else y) for k, (x, y) in _held(whole).items()}
    return _mapping(node, below, known)


def _keys(node: Node) -> Iterator[ScalarNode]:
    """The keys of a mapping and of all mappings in it."""
    pending, seen = [node], set[int]()
    while pending:
        mapping = pending.pop()
        if id(mapping) not in seen and isinstance(mapping, MappingNode):
            seen.add(id(mapping))
            yield from (x for x, _ in mapping.value if isinstance(x, ScalarNode))
            pending += [x for _, x in mapping.value]


def _key(like: Node, name: str, known: Origins) -> Node:
    made = ScalarNode("tag:yaml.org,2002:str", name, like.start_mark, like.end_mark)
    known.hold(made, known.at(like))
    return made


def _mapping(like: Node, held: dict[str, tuple[Node, Node]], known: Origins) -> MappingNode:
    """A mapping that stands where another node does."""
    if len(known.of) > MOST:
        raise BadFile(known.file, f"holds more than {MOST} values when its aliases are written out; write fewer")
    flow = isinstance(like, MappingNode) and like.flow_style
    made = MappingNode("tag:yaml.org,2002:map", list(held.values()), like.start_mark, like.end_mark, flow)
    known.hold(made, known.at(like))
    return made
