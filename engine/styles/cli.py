"""`python -m engine styles`: list the catalogue, fetch its scans, make fingerprints."""

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from common.catalogue import Painting, load_catalogue
from common.catalogue.catalogue import kept_scan
from common.command_line import FAILED, WRONG_USE, OneLineParser, for_shell
from common.options import NETWORKS
from common.sentences import ExplainedError
from common.settings import Settings
from common.settings_loading import SettingsError, load_settings
from engine.styles.fetch import MAX_BYTES, FetchError, fetch_scan

WIDE = 140
"""Columns of a console with room for year and movement too."""
SUFFIX = ".safetensors"


def main(arguments: list[str] | None = None) -> int:
    """Run one of the commands. Returns the exit status."""
    options = _parser().parse_args(arguments)
    out, err = Console(), Console(stderr=True, soft_wrap=True)
    try:
        settings = load_settings()
        styles_dir = options.styles_dir or settings.styles_dir
    except SettingsError as error:
        err.print(str(error), markup=False)
        return WRONG_USE
    match options.command:
        case "fetch":
            return _fetch(options, styles_dir, out, err)
        case "fingerprint":
            return _fingerprint(options, settings, out, err)
        case _:
            return _list(options, styles_dir, out, err)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="python -m engine styles", description="The catalogue of paintings to use as styles."
    )
    parser.add_argument(
        "--styles-dir", type=Path, help="where scans are kept (default: in the data directory)"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listing = commands.add_parser(
        "list", help="list the paintings, and what of each is on this machine"
    )
    listing.add_argument("search", nargs="?", default="", help="name, artist or movement")
    fetching = commands.add_parser("fetch", help="download the scans that are missing")
    fetching.add_argument("ids", nargs="*", metavar="ID", help="which ones (default: all)")
    fetching.add_argument(
        "--mirror", help="address of a folder with the files under their names on Wikimedia Commons"
    )
    fetching.add_argument(
        "--max-bytes",
        type=int,
        default=MAX_BYTES,
        help="refuse larger files (default: %(default)s)",
    )
    printing = commands.add_parser(
        "fingerprint", help="measure a picture, so that its style can be used without it"
    )
    printing.add_argument("picture", type=Path)
    printing.add_argument("-o", "--output", type=Path, help="default: PICTURE.safetensors")
    printing.add_argument("--recipe", default="atelier", help="whose layers to measure")
    printing.add_argument(
        "--network", choices=NETWORKS, default="vgg19", help="default: %(default)s"
    )
    return parser


def _list(options: argparse.Namespace, styles_dir: Path, out: Console, err: Console) -> int:
    catalogue = load_catalogue()
    table = Table(box=None, pad_edge=False)
    wide = out.width >= WIDE
    table.add_column("painting", no_wrap=True, max_width=None if wide else 25)
    for heading in ("artist", "year", "movement") if wide else ():
        table.add_column(heading, no_wrap=True)
    table.add_column("id", no_wrap=True)
    table.add_column("here", no_wrap=True)
    found = catalogue.search(options.search, limit=len(catalogue))
    if not found:
        err.print(f"No painting, artist or movement matches {options.search}.", markup=False)
        return FAILED
    for painting in found:
        has = {"scan": kept_scan(painting, styles_dir), "fingerprint": painting.fingerprints}
        words = ", ".join(kind for kind, there in has.items() if there) or "needs a download"
        more = (painting.artist, str(painting.year), painting.movement) if wide else ()
        table.add_row(painting.name, *more, painting.id, words)
    out.print(table)
    return 0


def _fetch(options: argparse.Namespace, styles_dir: Path, out: Console, err: Console) -> int:
    catalogue = load_catalogue()
    unknown = [each for each in options.ids if catalogue.get(each) is None]
    if unknown:
        ids = ", ".join(painting.id for painting in catalogue)
        err.print(f"There is no painting {unknown[0]} in the catalogue; choose from: {ids}.")
        return WRONG_USE
    wanted = [painting for painting in catalogue if not options.ids or painting.id in options.ids]
    failed = sum(not _fetch_one(painting, options, styles_dir, out, err) for painting in wanted)
    if failed:
        err.print(
            f"{failed} of {len(wanted)} scans could not be downloaded; run the command again."
        )
    return FAILED if failed else 0


def _fetch_one(
    painting: Painting, options: argparse.Namespace, styles_dir: Path, out: Console, err: Console
) -> bool:
    with out.status(f"{painting.name} …") as status:

        def tell(received: int, total: int | None) -> None:
            of = f" of {total / 2**20:.1f}" if total else ""
            status.update(f"{painting.name} … {received / 2**20:.1f}{of} MiB")

        try:
            path = fetch_scan(
                painting,
                styles_dir,
                mirror=options.mirror,
                progress=tell,
                max_bytes=options.max_bytes,
            )
        except FetchError as problem:
            err.print(for_shell(problem), markup=False)
            return False
    out.print(f"{painting.id}: {path}", markup=False, soft_wrap=True)
    return True


def _fingerprint(
    options: argparse.Namespace, settings: Settings, out: Console, err: Console
) -> int:
    # torch takes seconds to import, and the other commands do without.
    from engine.cli_inputs import OWN_FILES, bytes_of  # noqa: PLC0415
    from engine.networks.registry import NetworkSource  # noqa: PLC0415
    from engine.output.atomic import write_bytes  # noqa: PLC0415
    from engine.output.errors import check_target  # noqa: PLC0415
    from engine.styles.make_fingerprint import make_fingerprint  # noqa: PLC0415

    try:
        picture = bytes_of(options.picture)
        output: Path = options.output or options.picture.with_suffix(SUFFIX)
        check_target(output, (SUFFIX,))
        data = make_fingerprint(
            picture,
            options.recipe,
            options.network,
            NetworkSource(settings.atelier_vgg19_weights),
            limits=OWN_FILES,
        )
        write_bytes(output, data)
    except ExplainedError as problem:
        err.print(for_shell(problem), markup=False)
        return FAILED
    out.print(f"{output}: {len(data) / 1024:.0f} KiB", markup=False, soft_wrap=True)
    return 0
