"""`prk log`: capture a node's run into a run file."""

from __future__ import annotations

import contextlib
import datetime
import functools
import math
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from prkbench import __version__
from prkbench.analysis.conversion import Conversion
from prkbench.calibration.table import doubts
from prkbench.cli.lines import Line, connected, rig_inside
from prkbench.cli.onlookers import measured, published
from prkbench.cli.present import bar, plain
from prkbench.client import NodeClient, ScpiRefusal
from prkbench.errors import UsageError
from prkbench.following import Follower
from prkbench.local.usb_bridge import AUTO, BRIDGES
from prkbench.locks import alone
from prkbench.logger import Capture, Logger, Progress
from prkbench.node_setup import apply_rig, start_command
from prkbench.rig import Rig, load_rig, parse_rig
from prkbench.runfile import RunFile
from prkbench.units import Dimension, parse
from prknode.records import ALARM, STATE_NAMES

_HARDWARE_MISSING = -241


def log(
    out: Annotated[Path, typer.Option("--out", help="Run file to write, or to go on with.")],
    port: Annotated[
        str | None,
        typer.Option(
            "--port", help="Serial port, socket:// or rfc2217://; default: the one board."
        ),
    ] = None,
    sensor: Annotated[
        str | None,
        typer.Option("--sensor", help="adafruit: no board, the sensors on a USB-to-I2C bridge."),
    ] = None,
    i2c: Annotated[
        str | None,
        typer.Option("--i2c", help=f"That bridge, of {', '.join(BRIDGES)}; default: {AUTO}."),
    ] = None,
    duration: Annotated[
        str | None,
        typer.Option("--duration", help='Node time to capture, such as "6 h"; default: Ctrl-C.'),
    ] = None,
    rig: Annotated[Path | None, typer.Option("--rig", help="Rig file: sets the node up.")] = None,
    give_up: Annotated[
        str | None,
        typer.Option(
            "--give-up",
            help='How long to wait for a lost node each time, such as "10 min"; default: for ever.',
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option("--metrics", help="Port for Prometheus on this computer, or ADDRESS:PORT."),
    ] = None,
    mqtt: Annotated[
        str | None, typer.Option("--mqtt", help="Publish to mqtt://[USER:PASSWORD@]HOST/TOPIC.")
    ] = None,
    metrics_token: Annotated[
        str | None,
        typer.Option(
            "--metrics-token",
            envvar="PRK_METRICS_TOKEN",
            help="What has to be known to read them; needed where others could.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Log a node: start it if it is idle, join it if it is measuring; Ctrl-C ends the capture.

    A pulled cable, a restarted node, a full disk: the capture waits, and goes on. Status 1 when the
    node rang an alarm: the pressure fell faster, or lower, than it may.

    Example: prk log --port /dev/ttyACM0 --rig bench.toml --duration "24 h" --out run.prk

    Without a board: prk log --sensor adafruit --i2c mcp2221 --duration "24 h" --out run.prk
    """
    seconds = parse(duration, Dimension.DURATION, positive=True) if duration else None
    patience = parse(give_up, Dimension.DURATION) if give_up else None
    chosen = load_rig(rig) if rig else None
    if chosen is not None:
        _warn_of_calibration(chosen)
    with (
        alone(str(out.resolve())),
        connected(port, sensor, i2c, out, chosen) as line,
        opened(out, line.client, chosen) as file,
        measured(metrics, metrics_token) as to_prometheus,
        published(mqtt) as to_broker,
    ):
        capture = capture_run(
            line, file, seconds, chosen, quiet=as_json, patience_s=patience,
            also=(to_prometheus, to_broker),
        )  # fmt: skip
        head = file.head()
    return _report(out, capture, head, as_json)


def _warn_of_calibration(rig: Rig) -> None:
    """Say on standard error why the rig's sealed run may not fit what is about to be logged."""
    sealed = rig.sealed_run
    if sealed is None:
        return
    # The temperature is not known yet: the analysis compares it.
    found = doubts(
        sealed,
        datetime.datetime.now(datetime.UTC).date(),
        temperature_k=None,
        volume_m3=rig.chamber.volume_m3,
        element=rig.element_text,
        window_s=rig.node.window_s,
    )
    for doubt in found:
        typer.echo(
            f"prk: warning: sealed run of {sealed.date}: {doubt}; log a new one and run "
            "'prk calibrate sealed'",
            err=True,
        )


@contextlib.contextmanager
def opened(
    path: Path, client: NodeClient, rig: Rig | None, more: dict[str, Any] | None = None
) -> Iterator[RunFile]:
    """The run file, new or to be continued; a new one that stays empty is removed again."""
    identity = client.identity
    if path.exists():
        with RunFile.open(path, readonly=False) as file:
            _same_session(file, client)
            if rig is not None and not _is_rig_of(file, rig):
                raise UsageError(
                    f"{path}: was begun with another rig file; leave --rig out or choose a new file"
                )
            yield file
        return
    meta = {
        "source": "node",
        "title": rig.rig.name if rig else path.stem,
        "rig": rig.to_toml() if rig else None,
        "node": identity.unique_id,
        "firmware": identity.version,
        "simulated": identity.simulated,
        "host": __version__,
        **(more or {}),
    }
    empty = False
    try:
        with RunFile.create(path, meta) as file:
            empty = True
            try:
                yield file
            finally:
                empty = not file.runs()
    finally:
        if empty:
            path.unlink(missing_ok=True)


def _is_rig_of(file: RunFile, rig: Rig) -> bool:
    """Whether a run file was begun with that rig, however either is written, or with none."""
    text = file.meta.get("rig")
    return text is None or parse_rig(text, "the rig inside") == rig


def _same_session(file: RunFile, client: NodeClient) -> None:
    """A file goes on only with the node it was begun with; UsageError otherwise."""
    meta = file.meta
    if meta.get("source") != "node":
        raise UsageError(f"{file.path}: holds imported readings, no node's run; choose a new file")
    if meta.get("node") != client.identity.unique_id:
        raise UsageError(
            f"{file.path}: was begun with node {meta.get('node')}, {client.port} is node "
            f"{client.identity.unique_id}; choose a new file"
        )


def begin(client: NodeClient, rig: Rig | None) -> None:
    """Set an idle node up and start it; a node that is measuring is left alone."""
    if client.run_time_us() is not None:
        return
    if rig is not None:
        apply_rig(client, rig)
    try:
        client.command(start_command(rig))
    except ScpiRefusal as error:
        if error.number != _HARDWARE_MISSING:
            raise
        hint = "check its wiring, supply and address, or give the role to another sensor"
        if "NO_DRIVER" in str(error):
            hint = "the board lacks the library of driver ADAFRUIT: prk flash --driver adafruit"
        if "no valves" in str(error):
            hint = "the board's config.json lacks the rig's valves: prk flash --rig"
        raise ScpiRefusal(f"{error}; {hint}", error.number) from error


def capture_run(
    line: Line,
    file: RunFile,
    seconds: float | None,
    rig: Rig | None,
    *,
    quiet: bool,
    patience_s: float | None = None,
    also: Sequence[Callable[[Progress], None]] = (),
) -> Capture:
    """Start the node if it is idle, and log it with a progress bar; SIGINT and SIGTERM end it.

    also: are given the progress, too.
    """
    # SciPy takes longer to load than most commands to run.
    from prkbench.livewatch import LiveWatch

    conversion = Conversion.from_rig(rig) if rig else None
    with bar("logging", seconds, quiet) as (progress, task):

        def show(now: Progress) -> None:
            progress.update(task, completed=now.node_s, note=_note(now, conversion))
            for other in also:
                other(now)

        # Scripts find what was declared in the JSON.
        watch = LiveWatch(conversion, (lambda _line: None) if quiet else progress.console.print)
        least = rig.limit.minimum_pressure_pa if rig else None
        console = Console(stderr=True) if quiet else progress.console
        follower = Follower(
            line.client, file, lambda client: begin(client, rig or rig_inside(file)), seconds,
            line.again, patience_s, show,
            functools.partial(Logger, watch=watch, on_alarm=_ring, minimum_pa=least),
            lambda text: console.print(text, markup=False, highlight=False, soft_wrap=True),
        )  # fmt: skip
        with contextlib.closing(follower), _ended_by_signals(follower.stop):
            return follower.run()


def _ring(alarm: str) -> None:
    """Tell an alarm at once, whatever else is shown: standard error is never part of an answer."""
    bell = "\a" if sys.stderr.isatty() else ""
    typer.echo(f"{bell}prk: {alarm}", err=True)


def _note(now: Progress, conversion: Conversion | None) -> str:
    state = now.state
    if state == STATE_NAMES[ALARM]:
        state += " (CALCulate:ALARm:CLEar acknowledges it)"
    parts = [state, now.watched]
    if now.k_per_s is not None and now.se_per_s is not None:
        if conversion is None:
            parts.insert(1, f"k {now.k_per_s:.3g} +- {now.se_per_s:.1g} 1/s")
        else:
            rate, se = (conversion.rate_lb_per_day(k) for k in (now.k_per_s, now.se_per_s))
            parts.insert(1, f"{rate:.3f} +- {se:.3f} lb/day")
    if now.represses:
        parts.append(_cadence(now, conversion))
    if now.reserve_s is not None:
        never = math.isinf(now.reserve_s)
        parts.append("reserve: no end" if never else f"reserve {now.reserve_s / 3600.0:.3g} h")
    return "  ".join(part for part in parts if part)


def _cadence(now: Progress, conversion: Conversion | None) -> str:
    """Represses so far, and the leak that their cadence tells."""
    text = f"{now.represses} represses"
    if now.held_k_per_s is None:
        return text
    k, se = now.held_k_per_s, now.held_se_per_s
    unit, scale = "1/s", 1.0
    if conversion is not None:
        unit, scale = "lb/day", conversion.rate_lb_per_day(1.0)
    error = "" if se is None else f" +- {scale * se:.2g}"
    return f"{text}: {scale * k:.3g}{error} {unit}"


@contextlib.contextmanager
def _ended_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """The first SIGINT or SIGTERM ends the capture cleanly, a second one at once."""

    def handler(number: int, frame: object) -> None:  # noqa: ARG001
        stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    old = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, previous in old.items():
            signal.signal(number, previous)


def _report(out: Path, capture: Capture, head: str, as_json: bool) -> int:
    if as_json:
        import json

        typer.echo(
            json.dumps(
                {
                    "run": capture.run_id,
                    "samples": capture.samples,
                    "lost": capture.lost,
                    "node_s": capture.node_s,
                    "out": str(out),
                    "head": head,
                    "declared": capture.declared,
                    "alarms": capture.alarms,
                    "watch": plain(capture.watched),
                }
            )
        )
    else:
        typer.echo(
            f"run {capture.run_id}: {capture.samples} samples, {capture.lost} lost, "
            f"{capture.node_s:.1f} s -> {out}"
        )
        for alarm in capture.alarms:
            typer.echo(alarm)
        if capture.conclusion:
            typer.echo(capture.conclusion)
        typer.echo(f"head {head}")
        typer.echo(f"next: prk verify {out} --head {head[:16]}")
    if capture.lost:
        return 4
    return 1 if capture.alarms else 0
