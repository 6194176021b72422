"""Every kind of file comes out as a viewer shows it, or is refused by name."""

import io

import numpy as np
import pytest
from PIL import Image

from common.pictures import DecoderPool, PictureError
from common.pictures.decode import normalize
from tools.picture_files import CASES, Case
from tools.picture_files.case import RefusedFile
from tools.picture_files.comparing import difference


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_of_each_kind(case: Case) -> None:
    data = case.make()
    if isinstance(case.right, RefusedFile):
        with pytest.raises(PictureError, match=case.right.words):
            normalize(data)
        return
    made = normalize(data)
    pixels = np.asarray(Image.open(io.BytesIO(made.png)))
    assert difference(pixels, case.right) <= case.mean
    said = " ".join(str(note) for note in made.notes)
    assert (case.note in said) if case.note else not said


async def test_the_confined_process_reads_what_any_process_does() -> None:
    """Some libraries start threads, map files or load more of themselves only then."""
    cases: dict[str, Case] = {}
    for case in CASES:
        if not isinstance(case.right, RefusedFile):
            cases.setdefault(case.name.partition(":")[0], case)
    assert {"HEIC", "AVIF", "JPEG"} <= set(cases)
    async with DecoderPool(processes=1) as pool:
        for name, case in cases.items():
            data = case.make()
            assert (await pool.normalize(data)).png == normalize(data).png, name


def test_no_two_kinds_have_one_name() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
