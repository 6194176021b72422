"""Face detection, and the higher content weight of faces."""

from pathlib import Path

import pytest
import skimage
import torch
from PIL import Image, ImageChops, ImageDraw, ImageOps

from common.options import PaintOptions
from engine.networks.encoder import features_of
from engine.painting import Picture, Style, faces
from engine.painting.faces import Face, face_mask, find_faces
from engine.painting.inputs import check_inputs, with_faces
from engine.painting.measuring import Measuring
from engine.painting.plan import make_plan
from engine.painting.terms.content import ContentTerm
from engine.recipes.recipe import load_recipe
from tests.kit.thin_vgg19 import noise_picture, paint_and_collect, thin_studio, thin_vgg19

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "images"
PORTRAITS = ("021", "031", "061", "106")
"""Portraits; stricter thresholds would miss some faces."""
NO_FACES = (48, 110, 152, 157, 208, 209, 211, 213)
"""Photographs without faces; looser thresholds would find faces in most."""


def skimage_image(name: str) -> Image.Image:
    return Image.open(Path(skimage.__file__).parent / "data" / name).convert("RGB")


def test_face_is_located_also_in_a_mirrored_photograph() -> None:
    image = skimage_image("astronaut.png")
    (face,) = find_faces(Picture.from_image(image))
    assert face.left == pytest.approx(0.34, abs=0.02)
    assert face.top == pytest.approx(0.13, abs=0.02)
    assert face.width == pytest.approx(0.20, abs=0.02)
    (mirrored,) = find_faces(Picture.from_image(ImageOps.mirror(image)))
    assert mirrored.left + face.left + face.width == pytest.approx(1, abs=0.01)


def test_photograph_is_searched_once_for_all_its_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[Image.Image] = []
    detected = faces._detected

    def search(image: Image.Image) -> list[Face]:
        searched.append(image)
        return detected(image)

    monkeypatch.setattr(faces, "_detected", search)
    image = skimage_image("astronaut.png").crop((40, 0, 440, 400))
    found = find_faces(Picture.from_image(image))
    (_face,) = found
    count = len(searched)
    assert count > 0
    assert find_faces(Picture.from_image(image.copy())) == found
    assert len(searched) == count
    assert find_faces(Picture.from_image(ImageOps.mirror(image))) != found
    assert len(searched) == 2 * count


def test_pictures_of_other_shapes_are_told_apart_if_their_pixels_agree() -> None:
    wide, high = Image.new("RGB", (4, 2)), Image.new("RGB", (2, 4))
    assert faces._content(wide) != faces._content(high)


@pytest.mark.parametrize("name", ["coffee.png", "chelsea.png", "rocket.jpg"])
def test_no_face_is_found_in_pictures_without_faces(name: str) -> None:
    assert find_faces(Picture.from_image(skimage_image(name))) == ()


def test_face_drawn_by_lines_is_painted_like_the_rest() -> None:
    drawing = Image.new("RGB", (800, 600), "white")
    pen = ImageDraw.Draw(drawing)
    pen.ellipse((250, 100, 550, 400), outline="black", width=5)
    pen.arc((320, 230, 480, 340), 20, 160, fill="black", width=5)
    for left in (330, 440):
        pen.ellipse((left, 200, left + 30, 230), fill="black")
    assert find_faces(Picture.from_image(drawing)) == ()
    light = Image.linear_gradient("L").resize(drawing.size).point(lambda level: 195 + level // 4)
    shaded = ImageChops.multiply(drawing, light.convert("RGB"))
    assert len(find_faces(Picture.from_image(shaded))) == 1


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (400, 40)])
def test_face_search_accepts_pictures_of_any_shape(size: tuple[int, int]) -> None:
    assert find_faces(Picture(torch.rand(3, *size))) == ()


def test_portraits_have_a_face_each_and_other_photographs_none() -> None:
    if not SHARED.is_dir():
        pytest.skip("the shared pictures are not available")
    for name in PORTRAITS:
        assert find_faces(Picture.from_image(Image.open(SHARED / f"photos/{name}.jpg"))), name
    others = [SHARED / f"photos/{number:03}.jpg" for number in NO_FACES]
    others += [SHARED / "content/exe_quay.jpg", SHARED / "content/tubingen.jpg"]
    false_positives = [
        one.name for one in others if find_faces(Picture.from_image(Image.open(one)))
    ]
    assert not false_positives


def test_face_mask_is_one_inside_soft_at_the_border_and_zero_outside() -> None:
    mask = face_mask((Face(0.25, 0.25, 0.5, 0.5),), (80, 120))
    assert mask[40, 60] == 1
    assert float(mask[0].max()) == 0
    assert float(mask.diff(dim=0).abs().max()) < 0.15
    assert float(mask.mean()) == pytest.approx(0.25 * torch.pi * 0.6 * 0.75, rel=0.15)


@pytest.mark.parametrize(
    ("options", "style"),
    [
        ({"faces": "off"}, Style(noise_picture(40, 40))),
        ({"strength": 0.0}, Style(noise_picture(40, 40))),
        ({}, Style(is_content=True)),
    ],
)
def test_faces_are_not_searched_where_they_make_no_difference(
    options: dict[str, object], style: Style
) -> None:
    content = Picture.from_image(skimage_image("astronaut.png"))
    paint_options = PaintOptions.model_validate(options)
    inputs = check_inputs(content, [style], paint_options, None, None)
    assert with_faces(inputs, paint_options, 2.0).faces is None


def test_recipe_sets_the_extra_content_weight_of_faces() -> None:
    content = Picture.from_image(skimage_image("astronaut.png").resize((128, 128)))
    inputs = check_inputs(content, [Style(noise_picture(40, 40))], PaintOptions(), None, None)
    recipe, encoder = load_recipe("atelier"), thin_vgg19()
    inputs = with_faces(inputs, PaintOptions(), recipe.loss.faces)
    plan = make_plan(PaintOptions(), recipe, encoder, (128, 128))
    term = ContentTerm.made(Measuring(encoder, plan), inputs, content.pixels[None].double())
    assert term.attention is not None
    assert float(term.attention[30, 56]) == pytest.approx(1 + recipe.loss.faces)
    assert float(term.attention[100, 100]) == 1
    gatys = load_recipe("gatys")
    assert with_faces(inputs, PaintOptions(), gatys.loss.faces) is inputs


def test_faces_option_paints_faces_nearer_to_the_photograph() -> None:
    content = Picture.from_image(skimage_image("astronaut.png").resize((128, 128)))
    options = PaintOptions(size_px=128, scales=1, iterations=20, colors_first=0, network="vgg19")
    with_faces_kept, _ = paint_and_collect(options, thin_studio(), content=content)
    plain, _ = paint_and_collect(
        options.model_copy(update={"faces": "off"}), thin_studio(), content=content
    )
    (face,) = find_faces(content)
    is_face = (
        face_mask((face,), (128, 128))[4::8, 4::8] > 0.9
    )  # at the positions of the layer's features
    layer, encoder = "relu4_2", thin_vgg19(dtype=torch.float32)
    expected = features_of(encoder, content.pixels[None], [layer])[layer]
    distances = [
        float(
            (features_of(encoder, one[None], [layer])[layer] - expected)[0, :, is_face]
            .square()
            .mean()
        )
        for one in (with_faces_kept.picture.pixels, plain.picture.pixels)
    ]
    assert distances[0] < 0.9 * distances[1]
