"""The file system in the emulated board's flash, made and read without going over USB."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from littlefs import LittleFS

_BLOCK = 4096
_DISK_VERSION = 0x00020000
"""MicroPython's littlefs reads version 2.0; a newer one it would have to migrate."""


def littlefs_image(files: Mapping[str, bytes], size: int) -> bytes:
    """A littlefs image of that many bytes holding these files: path -> contents."""
    image = LittleFS(
        block_size=_BLOCK,
        block_count=size // _BLOCK,
        prog_size=32,
        read_size=32,
        lookahead_size=32,
        disk_version=_DISK_VERSION,
    )
    for name, data in files.items():
        folder = PurePosixPath(name).parent
        if str(folder) != ".":
            image.makedirs(str(folder), exist_ok=True)
        with image.open(name, "wb") as file:
            file.write(data)
    return bytes(image.context.buffer)


def littlefs_files(image: bytes) -> dict[str, bytes]:
    """All files of a littlefs image: path -> contents."""
    mounted = LittleFS(block_size=_BLOCK, block_count=len(image) // _BLOCK, mount=False)
    mounted.context.buffer = bytearray(image)
    mounted.mount()
    found = {}
    for folder, _, names in mounted.walk("/"):
        for name in names:
            path = f"{folder.rstrip('/')}/{name}"
            with mounted.open(path, "rb") as file:
                found[path.lstrip("/")] = file.read()
    return found
