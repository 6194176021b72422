"""All pictures of a painting: those that the caller has read, and those of the catalogue."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from common.options import PaintOptions
from common.sentences import Sentence, sentence
from common.settings import Settings
from engine.allocator import fit_blocks_to
from engine.painting import Control, Event, Picture, Studio, Style, paint
from engine.painting.inputs import Share
from engine.painting.plain_border import without_plain_border
from engine.styles.presets import PresetStyle, preset_style


@dataclass(frozen=True, eq=False)
class Preset:
    """A painting of the catalogue as a style; for the other fields see `Style`."""

    id: str
    """Id of the painting."""
    weight: float = 1.0
    region: Share | None = None
    mask: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Pictures:
    """All pictures of a painting, and the network."""

    content: Picture
    styles: tuple[Style, ...]
    mask: Tensor | None
    start: Picture | None
    network: str
    """The network to use; not the requested one if a style is available only for another."""
    notes: tuple[Sentence, ...] = ()
    """What differs from the request."""

    def paint(
        self,
        options: PaintOptions,
        *,
        studio: Studio,
        resume: bytes | None,
        control: Control | None = None,
    ) -> Generator[Event, None, None]:
        """Paint from them; see `engine.painting.paint`."""
        fit_blocks_to(self.network)
        return paint(
            self.content,
            self.styles,
            options.model_copy(update={"network": self.network}),
            studio=studio,
            mask=self.mask,
            start=self.start,
            resume=resume,
            control=control,
        )


def load_pictures(
    content: Picture,
    styles: Sequence[Style | Preset],
    options: PaintOptions,
    *,
    network: str,
    settings: Settings,
    mask: Tensor | None = None,
    start: Picture | None = None,
    say: Callable[[str], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Pictures:
    """Load the styles that are presets; all styles of a painting use one network.

    Args:
        content: the photograph.
        styles: already read, or presets.
        options: of the painting.
        network: `vgg19` or `lite`, as resolved for this painting.
        settings: of this machine; name the folder of scans.
        mask: where to paint.
        start: the picture to start from.
        say: called before a download.
        should_stop: ends a download once it returns true.

    Raises:
        FetchStoppedError: `should_stop` returned true.
        StyleMissingError: a preset is unknown or unavailable.
    """
    own_vgg19 = settings.atelier_vgg19_weights is not None

    def through(network: str) -> tuple[str, list[Style], list[Sentence]]:
        made: list[Style] = []
        notes: list[Sentence] = []
        for style in styles:
            if isinstance(style, Style):
                made.append(_without_border(style))
                if made[-1] is not style:
                    notes.append(_left_out(style, alone=len(styles) == 1))
                continue
            found = preset_style(
                style.id,
                settings.styles_dir,
                network,
                options=options,
                needs_picture=style.region is not None,
                own_weights=own_vgg19 and network == "vgg19",
                say=say,
                should_stop=should_stop,
            )
            if found.network != network:  # start over, as all styles use one network
                network, made, later = through(found.network)
                return network, made, [*(one for one in found.notes if one not in later), *later]
            made.append(_style(style, found))
            notes += [one for one in found.notes if one not in notes]  # of one that comes twice
        return network, made, notes

    measured = [one for style in styles if isinstance(style, Style) for one in style.fingerprints]
    if options.network == "auto" and measured:
        # Statistics are valid only for the network that measured them.
        network = measured[0].key.encoder
    network, made, notes = through(network)
    return Pictures(content, tuple(made), mask, start, network, tuple(notes))


def _without_border(style: Style) -> Style:
    """A style without a plain border; unchanged if it has a region."""
    if style.picture is None or style.region is not None:
        return style
    picture = without_plain_border(style.picture)
    return style if picture is style.picture else replace(style, picture=picture)


def _left_out(style: Style, *, alone: bool) -> Sentence:
    """The note that the border of a style was left out, with its name if there are others."""
    if alone:
        return sentence("The painting's plain border was left out.")
    return sentence("The plain border of {style} was left out.", style=style.name)


def _style(wanted: Preset, found: PresetStyle) -> Style:
    return Style(
        found.picture,
        weight=wanted.weight,
        region=wanted.region,
        mask=wanted.mask,
        fingerprints=found.fingerprints,
        name=found.name,
    )
