"""The JSON Schema of what other programs read: it ships as the files of `schema/`, and is written here."""

from inspect import cleandoc

import msgspec


def schema(document: type[msgspec.Struct], title: str) -> dict[str, object]:
    """The JSON Schema (draft 2020-12) of `document`, the same for every version of Python and msgspec.

    Before 3.13 and 0.23 these keep the indentation of docstrings; before 0.22 `null` is the first of several types.
    """
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    return {key: _settled(value) for key, value in {**head, **msgspec.json.schema(document)}.items()}


def _settled(value: object) -> object:
    match value:
        case {"anyOf": [*types], **rest}:
            return {**rest, "anyOf": sorted(map(_settled, types), key=lambda x: x == {"type": "null"})}
        case {"description": str(text), **rest}:
            return {**{key: _settled(x) for key, x in rest.items()}, "description": cleandoc(text)}
        case dict():
            return {key: _settled(x) for key, x in value.items()}
    return value
