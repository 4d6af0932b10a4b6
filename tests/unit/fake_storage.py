"""A board's files as a dict, which may be cut off before any of its operations."""

from collections.abc import Collection

from prkbench.deploy.storage import UNFINISHED, Found, Space, digest_of
from prkbench.errors import DeviceError


class FakeStorage:
    """Storage as deploy.storage wants it. fails_at: the operation that the line does not survive.

    A write counts as three: begun, half done, done but not yet renamed.
    """

    def __init__(self, files: dict[str, bytes], fails_at: int | None = None) -> None:
        self.files = files
        self.fails_at = fails_at
        self.done = 0

    def _step(self) -> None:
        if self.done == self.fails_at:
            raise DeviceError("the line broke")
        self.done += 1

    def look(self, folder: str, hashed: Collection[str] = ()) -> dict[str, Found]:
        prefix = f"{folder}/" if folder else ""
        result = {}
        for path, content in self.files.items():
            name = path.removeprefix(prefix)
            if path.startswith(prefix) and "/" not in name:
                result[name] = Found(len(content), digest_of(content) if name in hashed else None)
        return result

    def space(self) -> Space:
        return Space(4096, 200)

    def read(self, path: str, most: int) -> bytes:
        return self.files[path][:most]

    def put(self, path: str, content: bytes) -> None:
        self._step()
        self.files[path + UNFINISHED] = content[: len(content) // 2]
        self._step()
        self.files[path + UNFINISHED] = content
        self._step()
        self.files[path] = self.files.pop(path + UNFINISHED)

    def rename(self, old: str, new: str) -> None:
        self._step()
        self.files[new] = self.files.pop(old)

    def remove(self, path: str) -> None:
        self._step()
        del self.files[path]

    def sync(self) -> None:
        self._step()
