"""Metadata of a finished picture: how it was made, and that software made it.

PNG text chunks (https://www.w3.org/TR/png-3/#11textinfo) for people and programs that read
settings, and XMP with the IPTC digital source type (https://cv.iptc.org/newscodes/digitalsourcetype/)
for programs that mark such pictures. If it was painted from an earlier result, the address of that
is its source (https://www.dublincore.org/specifications/dublin-core/dcmi-terms/#source). Nothing
identifies who asked for it.
"""

import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from common.pictures.encode import packed_chunk

DIGITAL_SOURCE = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
)
_AFTER_HEADER = 33
"""Bytes of the signature and the first chunk, IHDR, which must stay first."""
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmp:CreatorTool="{program}" Iptc4xmpExt:DigitalSourceType="{kind}"{source}/>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def with_provenance(
    png: bytes, program: str, style: str, settings: Mapping[str, Any], painted_from: str = ""
) -> bytes:
    """A PNG file with text chunks that say how it was made; the pixels are unchanged.

    Args:
        png: the file's bytes.
        program: name and version of what painted it.
        style: names of the styles.
        settings: JSON values, including the seed.
        painted_from: address of the earlier result that it was painted from, or empty.
    """
    source = f' dc:source="{_quoted(painted_from)}"' if painted_from else ""
    texts = {
        "Software": program,
        "Description": f"Painted by software from a photograph, in the style of {style}.",
        "Settings": json.dumps(settings, sort_keys=True, ensure_ascii=False),
        "XML:com.adobe.xmp": _XMP.format(
            program=_quoted(program), kind=DIGITAL_SOURCE, source=source
        ),
    }
    chunks = b"".join(_international_text(keyword, text) for keyword, text in texts.items())
    return png[:_AFTER_HEADER] + chunks + png[_AFTER_HEADER:]


def _quoted(text: str) -> str:
    """Escape a text for an XML attribute."""
    return escape(text, {'"': "&quot;"})


def _international_text(keyword: str, text: str) -> bytes:
    """An iTXt chunk: UTF-8, uncompressed, without a language tag."""
    return packed_chunk(b"iTXt", keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode())
