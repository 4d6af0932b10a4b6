"""The virtual board's flash: one folder of the host as the root, and no way out of it.

Runs under MicroPython only. VfsPosix follows ".." above its root, so every path is made absolute
and plain here before it gets there.
"""

import vfs

_BLOCK = 4096
_BLOCKS = 352
"""As large as the file system of a Raspberry Pi Pico: 1.4 MB in 4 KiB blocks."""
_DIRECTORY = 0x4000
_EROFS = 30


class Flash:
    """A file system for vfs.mount(): a folder of the host as the root."""

    def __init__(self, folder):
        self._backing = vfs.VfsPosix(folder)
        self._folder = folder
        # VfsPosix keeps one buffer for paths under a root, so there it cannot take two at a time.
        self._renaming = vfs.VfsPosix()
        self._cwd = "/"

    def __str__(self):
        return "<Flash>"

    def _plain(self, path):
        """The absolute path without "." and ".." in it; ".." at the root stays there."""
        parts = []
        for part in (path if path[:1] == "/" else self._cwd + "/" + path).split("/"):
            if part == "..":
                if parts:
                    parts.pop()
            elif part and part != ".":
                parts.append(part)
        return "/" + "/".join(parts)

    def mount(self, readonly, mkfs):
        """Called by vfs.mount()."""
        if readonly or mkfs:
            raise OSError(_EROFS)

    def umount(self):
        """Called by vfs.umount()."""

    def open(self, path, mode):
        """Open a file."""
        return self._backing.open(self._plain(path), mode)

    def chdir(self, path):
        """Change the current folder."""
        path = self._plain(path)
        if path != "/" and not self._backing.stat(path)[0] & _DIRECTORY:
            raise OSError(20)
        self._cwd = path

    def getcwd(self):
        """The current folder."""
        return self._cwd

    def ilistdir(self, path):
        """Entries of a folder, with the sizes that VfsPosix leaves out."""
        path = self._plain(path)
        for entry in self._backing.ilistdir(path):
            size = 0 if entry[1] & _DIRECTORY else self._backing.stat(path + "/" + entry[0])[6]
            yield (entry[0], entry[1], entry[2], size)

    def mkdir(self, path):
        """Make a folder."""
        self._backing.mkdir(self._plain(path))

    def remove(self, path):
        """Remove a file."""
        self._backing.remove(self._plain(path))

    def rename(self, old, new):
        """Rename a file or folder."""
        folder = self._folder
        self._renaming.rename(folder + self._plain(old), folder + self._plain(new))

    def rmdir(self, path):
        """Remove an empty folder."""
        path = self._plain(path)
        if path == "/":
            raise OSError(16)
        self._backing.rmdir(path)

    def stat(self, path):
        """Kind, size and times of an entry."""
        return self._backing.stat(self._plain(path))

    def statvfs(self, path):
        """Size and free space, of a board's flash and not of the host's disk."""
        free = max(0, _BLOCKS - self._used("/"))
        return (_BLOCK, _BLOCK, _BLOCKS, free, free, 0, 0, 0, 0, 255)

    def _used(self, folder):
        blocks = 1
        for entry in self._backing.ilistdir(folder):
            path = folder + "/" + entry[0]
            if entry[1] & _DIRECTORY:
                blocks += self._used(path)
            else:
                blocks += -(-self._backing.stat(path)[6] // _BLOCK)
        return blocks
