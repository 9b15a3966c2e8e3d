"""`python -m dualstack` and the `dualstack` command."""

import contextlib
import gc
import os
import signal
import sys

_UNTIL_COLLECTED = 1_000_000
"""Objects that are made before Python looks for cycles among them: more than a start makes, all of which stay."""

_NO_MEMORY = "there is not enough memory"
_SILENT = ("error return without exception set", "returned NULL without setting an exception")
"""What a SystemError says where C code found no memory and did not say so (Python 3.11, measured by `ulimit -v`)."""


def main() -> None:
    """Run the command line; exit statuses are those of the contract (0, 1, 2, 3, 130)."""
    if sys.argv[1:] == ["--version"]:
        _print_version()
    gc.set_threshold(_UNTIL_COLLECTED)
    try:
        _heed_signals()
        from dualstack.cli.app import run

        status = run()
    except KeyboardInterrupt:  # before or after the verb, where there is nothing to tell
        status = 130
    except RuntimeError as error:  # how Python 3.11 passes on an interrupt in the midst of making a class
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        status = 130
    except (ImportError, MemoryError) as error:  # a library that cannot be mapped is an ImportError
        return _refuse(str(error) or _NO_MEMORY)
    except SystemError as error:  # how Python 3.11 can pass on that an import found no memory
        if not str(error).endswith(_SILENT):
            raise
        return _refuse(_NO_MEMORY)
    if sys.argv[1:2] == ["lint"] and not (sys.gettrace() or sys.getprofile()):
        # Nothing that it made is left but memory, which the system takes back at once, and Python piece by piece.
        os._exit(status)
    gc.freeze()  # at the end everything goes at once, and nobody looks for cycles in it
    sys.exit(status)


def _refuse(why: str) -> None:
    """Say why nothing can be done, and end at once: without memory each destructor would fail with words of its own."""
    with contextlib.suppress(OSError):
        print(f"dualstack: {why}.", file=sys.stderr, flush=True)  # noqa: T201 -- the command line may not be loaded
    os._exit(2)


def _heed_signals() -> None:
    """To be terminated is to be interrupted: what is known is told, and nothing is left behind.

    A signal that the caller has had ignored stays so, as nohup(1) wants of SIGHUP. An interrupt that comes while Python
    runs a destructor or the callback of a weak reference is lost there, and comes again a moment later.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    sys.unraisablehook = _interrupt_again


def _interrupt_again(lost: "sys.UnraisableHookArgs") -> None:
    if issubclass(lost.exc_type, KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, 0.01)
    else:
        sys.__unraisablehook__(lost)


def _print_version() -> None:
    """Print the version and exit, without the parser of the command line, which takes most of a start.

    Where stdout refuses it, the command line tries once more and says why.
    """
    from dualstack import __version__

    with contextlib.suppress(OSError):
        print(f"dualstack {__version__}", flush=True)  # noqa: T201 -- nothing else is loaded that prints
        sys.exit()


if __name__ == "__main__":
    main()
