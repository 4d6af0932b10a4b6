"""The command `prk`: assembles the command groups and turns errors into one line and a status."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from prkbench import __version__
from prkbench.cli import (
    calibrate,
    demo,
    element,
    flashing,
    importing,
    logging,
    node,
    plan,
    ports,
    repairing,
    simulate,
    verifying,
)
from prkbench.errors import PrkError

app = typer.Typer(
    name="prk",
    help="Leak-test bench: log a barometer node without losing data, and verify what it says.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _ending(command: Callable[..., int]) -> Callable[..., None]:
    """Let a command's return value be the exit status."""

    @functools.wraps(command)
    def run(*args: object, **options: object) -> None:
        status = command(*args, **options)
        if status:
            raise typer.Exit(status)

    return run


for _name, _command in (
    ("demo", demo.demo),
    ("flash", flashing.flash_board),
    ("log", logging.log),
    ("verify", verifying.verify),
    ("analyze", verifying.analyze),
    ("import", importing.import_log),
    ("list", ports.list_nodes),
    ("node", node.node),
    ("repair", repairing.repair),
    ("simulate", simulate.simulate),
):
    app.command(_name)(_ending(_command))
app.add_typer(calibrate.app, name="calibrate")
app.add_typer(plan.app, name="plan")
app.add_typer(element.app, name="element")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"prkbench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show version.")
    ] = False,
) -> None:
    """Status: 0 done; 1 verdict against; 2 bad input; 3 no device; 4 data lost; 5 undecided."""


def main() -> None:
    """Run `prk`; the only place where an error becomes one line and an exit status."""
    try:
        app()
    except PrkError as error:
        typer.echo(f"prk: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("prk: interrupted", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
