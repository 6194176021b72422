"""The catalogue of styles: public-domain paintings that are part of the package."""

from common.catalogue.catalogue import Availability, Catalogue, NeedsDownload, Ready, load_catalogue
from common.catalogue.painting import CatalogueError, Painting, parse_painting

__all__ = [
    "Availability",
    "Catalogue",
    "CatalogueError",
    "NeedsDownload",
    "Painting",
    "Ready",
    "load_catalogue",
    "parse_painting",
]
