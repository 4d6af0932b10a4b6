"""The emulated Pico of `prk node --pico`: its image found, and what is missing told."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prkbench.errors import UsageError
from prkbench.sim.pico.image import Image, cached_image, download_image, load_image, missing_image

if TYPE_CHECKING:
    from prkbench.sim.bus import Address, Device
    from prkbench.sim.pico.pico_node import PicoNode
    from prkbench.sim.virtual_line import PublicLine


def choose_image(named: Path | None, download: bool) -> Image:
    """The image that was named, else the cached one, else, if that is allowed, the official one.

    UsageError when there is none, or one that the firmware does not run on.
    """
    from prkbench.deploy.micropython import OLDEST

    path = named or cached_image()
    if path is None:
        if not download:
            raise UsageError(missing_image())
        print("downloading the official image ...", file=sys.stderr, flush=True)
        path = download_image()
    image = load_image(path)
    if image.release is not None and image.release < OLDEST:
        raise UsageError(
            f"{path}: MicroPython {image.version} is too old, the firmware needs "
            f"{'.'.join(map(str, OLDEST))} or newer"
        )
    return image


def pico_node(
    image: Image,
    devices: Mapping[Address, Device],
    config: Mapping[str, Any],
    *,
    seed: int,
    realtime: bool,
    line: PublicLine | None,
) -> PicoNode:
    """An emulated Pico with the firmware and this configuration, still to be booted.

    UsageError when the emulator is not installed.
    """
    try:
        from prkbench.sim.pico.pico_node import PicoNode, node_files
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("rp2040py", "littlefs"):
            raise
        raise UsageError(
            f"--pico needs the package {error.name}: pip install 'prkbench[pico]'"
        ) from error
    files = node_files(config)
    return PicoNode(image, devices, files, seed=seed, realtime=realtime, line=line)
