"""The command `prk`: assembles the command groups and turns errors into one line and a status."""

from __future__ import annotations

import sys
from typing import Annotated

import click
import typer

from prkbench import __version__
from prkbench.cli import demo, importing, logging, ports, verifying
from prkbench.errors import PrkError

app = typer.Typer(
    name="prk",
    help="Leak-test bench: log a barometer node without losing data, and verify what it says.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("log")(logging.log)
app.command("verify")(verifying.verify)
app.command("analyze")(verifying.analyze)
app.command("list")(ports.list_nodes)
app.command("import")(importing.import_log)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"prkbench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[  # noqa: ARG001  read by its callback
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show version.")
    ] = False,
) -> None:
    """Exit status: 0 done; 1 verdict against; 2 bad input; 3 no device; 4 data lost; 5 undecided."""


def main() -> None:
    """Run `prk`; the only place where an error becomes an exit status."""
    try:
        status = app(standalone_mode=False)
    except PrkError as error:
        typer.echo(f"prk: {error}", err=True)
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        typer.echo("prk: interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
