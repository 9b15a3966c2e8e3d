"""Places in files, and texts that are written there."""

import msgspec


class Location(msgspec.Struct, frozen=True):
    """A place in a file. Lines and columns count from 1, columns in code points; the end is exclusive."""

    file: str
    line: int
    column: int = 1
    end_line: int = 0
    end_column: int = 0


class Written(msgspec.Struct, frozen=True):
    """A text as a file has it.

    `text` is its value and `raw` its spelling, with quotes; `raw` is empty where the file spells it in a way that
    cannot be changed in place, such as one line of a folded text. `bare` says that quotes would not be taken off there:
    what is put in its place stands without any.
    """

    text: str
    at: Location
    raw: str = ""
    bare: bool = False

    def part(self, text: str) -> Location:
        """The place of a part of the text; that of all of it where its spelling is another."""
        start = self.raw.find(text) if self.at.line == self.at.end_line else -1
        if start < 0:
            return self.at
        column = self.at.column + start
        return Location(self.at.file, self.at.line, column, self.at.line, column + len(text))

    def __bool__(self) -> bool:
        """Whether anything is written."""
        return bool(self.text)


class Room(msgspec.Struct, frozen=True):
    """A place, of no length, where an entry of a mapping or a list can be written, before those that are there.

    `between` is what has to stand behind the new entry, empty where it is the only one, and `quote` is put around keys
    and texts. `missing` says that the mapping itself is not there yet.
    """

    at: Location
    between: str
    quote: str = ""
    missing: bool = False
