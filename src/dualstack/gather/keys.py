"""The key of pseudonyms, in a file that stays with the owner of the evidence, and what was replaced with it so far."""

import contextlib
import os
import re
import secrets
import tempfile
from collections.abc import Mapping

import msgspec

from dualstack.gather.errors import BadFile
from dualstack.gather.regular import read

SCHEMA = "dualstack.key/1"
_BYTES = 32
_SHOWN = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]*|[^\W_]+(?:-[^\W_]+)*")


class KeyFile(msgspec.Struct):
    """What the file holds: the key in hexadecimal, and the original of each pseudonym."""

    schema: str
    key: str
    known: dict[str, str] = {}

    @property
    def secret(self) -> bytes:
        """The key."""
        return bytes.fromhex(self.key)


def opened(path: str, *, create: bool) -> KeyFile:
    """The key in a file, a new one where there is none yet. Raises BadFile for a file that is no such."""
    if create and not os.path.exists(path):
        return KeyFile(SCHEMA, secrets.token_hex(_BYTES))
    try:
        found = msgspec.json.decode(read(path, 1_000_000_000), type=KeyFile)
        usable = found.schema == SCHEMA and len(found.secret) == _BYTES
    except OSError as error:
        raise BadFile(
            path, f"cannot be read: {error.strerror}. Name the key that the evidence was made with."
        ) from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadFile(path, "is no key of dualstack. Name another file; a new one is made.") from error
    if not usable:
        raise BadFile(path, f"is no key of the schema `{SCHEMA}`. Name another file; a new one is made.")
    return found


def save(path: str, key: KeyFile) -> None:
    """Write the file, whole or not at all, and for its owner alone. Raises BadFile."""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=".dualstack-")  # mode 600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(key, order="sorted") + b"\n")
            os.rename(temporary, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise BadFile(path, f"cannot be written: {error.strerror}. Name another with `--key-file`.") from error


def revealed(text: str, known: Mapping[str, str]) -> str:
    """A text with the originals in the place of the pseudonyms."""
    return _SHOWN.sub(lambda x: _original(x[0], known), text)


def _original(said: str, known: Mapping[str, str]) -> str:
    """What a pseudonym stands for; of a name that was made from one, its beginning."""
    tokens = said.split("-")
    for count in range(len(tokens), 0, -1):
        found = known.get("-".join(tokens[:count]))
        if found is not None:
            return "-".join([found, *tokens[count:]])
    return said
