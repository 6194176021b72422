"""The catalogue of styles: public-domain paintings that are part of the package."""

from common.catalogue.catalogue import Catalogue, load_catalogue, needs_download
from common.catalogue.painting import CatalogueError, Painting, parse_painting

__all__ = [
    "Catalogue",
    "CatalogueError",
    "Painting",
    "load_catalogue",
    "needs_download",
    "parse_painting",
]
