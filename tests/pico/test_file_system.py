"""The flash's file system made here is the one read there."""

from hypothesis import given, settings
from hypothesis import strategies as st

from prkbench.sim.pico.file_system import littlefs_files, littlefs_image

SIZE = 64 * 4096
NAME = st.text("abcdefghijklmnopqrstuvwxyz0123456789_", min_size=1, max_size=12)
PATHS = st.one_of(
    NAME.map(lambda n: f"{n}.py"), st.tuples(NAME, NAME).map(lambda p: f"{p[0]}/{p[1]}.py")
)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(PATHS, st.binary(max_size=6000), max_size=8))
def test_files_come_back_as_they_were(files: dict[str, bytes]) -> None:
    image = littlefs_image(files, SIZE)
    assert len(image) == SIZE
    assert littlefs_files(image) == files
