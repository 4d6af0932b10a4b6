"""The command `prk` as a shell runs it, in this process."""

import contextlib
import io
import sys
from dataclasses import dataclass
from unittest import mock

from prkbench.cli.app import main


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status and what it printed."""

    status: int
    out: str
    err: str


def prk(*arguments: object) -> Ended:
    """Run one command; an exception that would be a traceback is raised here, too."""
    out, err = io.StringIO(), io.StringIO()
    status = 0
    with (
        mock.patch.object(sys, "argv", ["prk", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Ended(status, out.getvalue(), err.getvalue())


def refused(ended: Ended, status: int, *says: str) -> None:
    """Assert that a command ended with one line on standard error that says all this."""
    assert ended.status == status, ended
    assert ended.out == ""
    assert ended.err.startswith("prk: ")
    assert ended.err.count("\n") == 1, ended.err
    for words in says:
        assert words in ended.err, ended.err
