"""Metadata in a picture file about how it was made."""

import io
import json
from xml.etree import ElementTree as ET

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from engine.output.provenance import DIGITAL_SOURCE, with_provenance
from tests.kit.pictures import gradient_picture

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
DC = "{http://purl.org/dc/elements/1.1/}"
XMP = "{http://ns.adobe.com/xap/1.0/}"


def test_provenance_names_tool_style_and_settings_and_keeps_the_pixels() -> None:
    png = gradient_picture()
    signed = with_provenance(png, 'Atelier "1"', "Water Lilies", {"seed": 7, "quality": "fine"})
    before, after = Image.open(io.BytesIO(png)), Image.open(io.BytesIO(signed))
    after.load()
    assert isinstance(after, PngImageFile)
    assert after.tobytes() == before.tobytes()
    assert after.text["Software"] == 'Atelier "1"'
    assert "in the style of Water Lilies" in after.text["Description"]
    assert json.loads(str(after.text["Settings"])) == {"seed": 7, "quality": "fine"}
    xmp = ET.fromstring(str(after.text["XML:com.adobe.xmp"]))
    (description,) = xmp.iter(f"{RDF}Description")
    assert description.get(f"{IPTC}DigitalSourceType") == DIGITAL_SOURCE
    assert description.get(f"{XMP}CreatorTool") == 'Atelier "1"'
    assert description.get(f"{DC}source") is None


def test_provenance_links_the_source_picture() -> None:
    address = "https://example.org/?a=1&b=2"
    signed = Image.open(
        io.BytesIO(with_provenance(gradient_picture(), "Atelier", "x", {}, address))
    )
    signed.load()
    assert isinstance(signed, PngImageFile)
    (description,) = ET.fromstring(str(signed.text["XML:com.adobe.xmp"])).iter(f"{RDF}Description")
    assert description.get(f"{DC}source") == address


def test_provenance_does_not_depend_on_the_order_of_settings() -> None:
    png = gradient_picture()
    assert with_provenance(png, "Atelier", "x", {"a": 1, "b": 2}) == with_provenance(
        png, "Atelier", "x", {"b": 2, "a": 1}
    )
