"""Every kind of file is decoded as viewers show it, or is refused with its name."""

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
def test_each_kind_of_file_decodes_correctly_or_is_refused(case: Case) -> None:
    data = case.make()
    if isinstance(case.right, RefusedFile):
        with pytest.raises(PictureError, match=case.right.words):
            normalize(data)
        return
    picture = normalize(data)
    pixels = np.asarray(Image.open(io.BytesIO(picture.png)))
    assert difference(pixels, case.right) <= case.mean
    notes = " ".join(str(note) for note in picture.notes)
    assert (case.note in notes) if case.note else not notes


async def test_confined_process_decodes_like_any_process() -> None:
    """Some libraries start threads, map files or load modules only while decoding."""
    cases: dict[str, Case] = {}
    for case in CASES:
        if not isinstance(case.right, RefusedFile):
            cases.setdefault(case.name.partition(":")[0], case)
    assert {"HEIC", "AVIF", "JPEG"} <= set(cases)
    async with DecoderPool(processes=1) as pool:
        for name, case in cases.items():
            data = case.make()
            assert (await pool.normalize(data)).png == normalize(data).png, name


def test_case_names_are_unique() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
