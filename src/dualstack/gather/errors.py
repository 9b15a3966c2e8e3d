"""What the user gave and cannot be used, and what the system says and nobody here can read."""

import errno
import struct
from collections.abc import Iterator
from contextlib import contextmanager


class BadInput(ValueError):
    """A file, namespace or setting that cannot be read: one message that names the place and the way out."""


class BadFile(BadInput):
    """A file that cannot be read, or not to its end; `line` and `column` count from 1, 0 where the whole is meant.

    `held` is the namespace and name of the ConfigMap, as an API server stores it, that holds what cannot be read.
    """

    held: tuple[str, str] | None = None

    def __init__(self, file: str, sentence: str, line: int = 0, column: int = 0) -> None:
        """Begin with the place, as compilers do."""
        super().__init__(f"{file}:{line}:{column}: {sentence}" if line else f"{file}: {sentence}")
        self.file, self.sentence, self.line, self.column = file, sentence, line, column

    def __reduce__(self) -> tuple[object, ...]:
        """How it is handed to another process."""
        return type(self), (self.file, self.sentence, self.line, self.column), {"held": self.held}


@contextmanager
def legible(source: str) -> Iterator[None]:
    """Raises OSError (EBADMSG) where what `source` says has another shape than is known here.

    A newer tool, or an emulated kernel, is evidence that is missing, and no end of the program.
    """
    try:
        yield
    except (struct.error, ArithmeticError, LookupError, ValueError, TypeError, AttributeError) as error:
        msg = f"{source} has a form that is not understood ({type(error).__name__})"
        raise OSError(errno.EBADMSG, msg) from error
