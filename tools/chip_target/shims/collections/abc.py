"""Stand-in for CPython's module on a board: types that are named and never used."""


class _Named:
    def __getitem__(self, parameters):
        return self


Callable = _Named()
