"""The bench of a rig file, simulated without the firmware, as a run of readings."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from prkbench.csvimport import import_csv, write_run
from prkbench.errors import UsageError
from prkbench.rig import Rig
from prkbench.runfile import RunFile
from prkbench.sim.rig_world import world_for
from prkbench.sim.scenario_quick import quick_run

_ZERO_C_K = 273.15
_SLOT_S = 60.0


@dataclass(frozen=True)
class RigRecord:
    """How many minutes were written, and the true decay constant of the bench, 1/s."""

    minutes: int
    k_true_per_s: float


def write_rig_run(
    rig: Rig, seed: int, duration_s: float, out: Path, csv: Path | None = None
) -> RigRecord:
    """Simulate a rig for a duration and write its minute means as an imported log.

    Columns are what the sensors show: chamber and reference pressure, temperature. Nothing is
    overwritten; UsageError where the duration or a file cannot be.
    """
    if csv is not None and csv.exists():
        raise UsageError(f"{csv}: exists already, choose another name or move it")
    world, truth = world_for(rig, seed)
    blocks = quick_run(rig, list(world.chips.values()), duration_s).blocks
    lines = ["time_s,pressure_pa,temperature_degc,reference_pa"]
    for slot, p, ref, t in zip(
        blocks.slot, blocks.pressure_pa, blocks.reference_pa, blocks.temperature_k, strict=True
    ):
        lines.append(f"{(slot + 0.5) * _SLOT_S:.0f},{p:.2f},{t - _ZERO_C_K:.4f},{ref:.2f}")
    text = "\n".join(lines) + "\n"
    with tempfile.TemporaryDirectory(prefix="prk-") as folder:
        source = Path(folder) / f"simulated-seed{seed}.csv"
        source.write_text(text, encoding="utf-8")
        log = import_csv(source, volume_m3=rig.chamber.volume_m3)
        write_run(log, out)
    with RunFile.open(out, readonly=False) as file, file.transaction():
        file.set_meta("title", rig.rig.name)
        file.set_meta("seed", seed)
        file.set_meta("simulated", True)
        file.set_meta("simulated_rig", rig.to_toml())
    try:
        if csv is not None:
            csv.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{csv}: cannot write the readings ({error.strerror})") from None
    return RigRecord(len(blocks.slot), truth.k_per_s)
