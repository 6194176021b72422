"""What readers have to say of a file that holds more than one picture."""

from common.sentences import Sentence, sentence


def first_frame() -> Sentence:
    """Of an animation."""
    return sentence("The file is animated; I used its first frame.")


def first_frame_of_film() -> Sentence:
    """Of a film."""
    return sentence("The file is a video; I used its first picture.")


def first_page() -> Sentence:
    """Of a TIFF with several pages."""
    return sentence("The file has several pages; I used the first one.")


def main_picture() -> Sentence:
    """Of a HEIC or AVIF file with several pictures."""
    return sentence("The file holds several pictures; I used its main one.")
