"""All pictures of a painting: those that the caller has read, and the catalogue's."""

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
    """A painting of the catalogue that is wanted as a style; see `Style` for what is the same."""

    id: str
    """Id of the painting."""
    weight: float = 1.0
    region: Share | None = None
    mask: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Pictures:
    """All that is painted from."""

    content: Picture
    styles: tuple[Style, ...]
    mask: Tensor | None
    start: Picture | None
    network: str
    """To paint with: another than was asked for where a style can be had for it only."""
    notes: tuple[Sentence, ...] = ()
    """What is not as it was asked for."""

    def paint(
        self,
        options: PaintOptions,
        *,
        studio: Studio,
        resume: bytes | None = None,
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
    """Find the styles that are presets; all of a painting go through one network.

    Args:
        content: the photograph.
        styles: read already, or of the catalogue.
        options: of the painting.
        network: `vgg19` or `lite`, as resolved for this painting.
        settings: of this machine, where scans of the catalogue's paintings are kept.
        mask: where to paint.
        start: what to start from.
        say: told what is waited for.
        should_stop: ends a download once it says so.

    Raises:
        FetchStoppedError: `should_stop` said so.
        StyleMissingError: a preset cannot be had.
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
            if found.network != network:  # begin again: those before it too go through this one
                network, made, later = through(found.network)
                return network, made, [*(one for one in found.notes if one not in later), *later]
            made.append(_style(style, found))
            notes += [one for one in found.notes if one not in notes]  # of one that comes twice
        return network, made, notes

    measured = [one for style in styles if isinstance(style, Style) for one in style.fingerprints]
    if options.network == "auto" and measured:
        # Statistics serve the network alone that they were measured with.
        network = measured[0].key.encoder
    network, made, notes = through(network)
    return Pictures(content, tuple(made), mask, start, network, tuple(notes))


def _without_border(style: Style) -> Style:
    """A style inside of its plain border; as it is where it was said which part of it counts."""
    if style.picture is None or style.region is not None:
        return style
    picture = without_plain_border(style.picture)
    return style if picture is style.picture else replace(style, picture=picture)


def _left_out(style: Style, *, alone: bool) -> Sentence:
    """That the border of a style was left out, which needs no name where it is the only one."""
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
