"""Text that somebody else wrote, made fit for a terminal and a report."""

from dualstack.model.patterns import pattern

LONGEST = 200

LINE_BREAK = pattern("\r\n|[\r\n\x85\u2028\u2029]")
"""What ends a line in YAML 1.1 (section 4.2), and so in the marks of its parser; places in files count such lines."""


def printable(text: str, longest: int = LONGEST) -> str:
    r"""`text` on one line: what Unicode calls not printable is escaped (`\x1b`, `\n`, `\u202e`), and the rest is cut.

    At most `longest` characters come back; the last one is `…` where something was cut.
    """
    # An escape is never shorter than what it stands for, so the rest cannot matter.
    shown = "".join(map(_visible, text[: longest + 1]))
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def paragraphs(text: str, longest: int = LONGEST) -> str:
    r"""`text` with its line breaks; what else is not printable is escaped, and each line is cut as `printable` does."""
    return "\n".join(printable(x, longest) for x in text.splitlines())


def legible(text: str) -> str:
    r"""`text` that UTF-8 can encode: what is no text in a file name is shown as `\udcff`, as Python spells it."""
    return text.encode("utf-8", "backslashreplace").decode()


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def with_article(noun: str) -> str:
    """A noun, such as a kind of objects, with the article that it wants by its first letter."""
    return f"an {noun}" if noun[:1] in "AEIOU" else f"a {noun}"
