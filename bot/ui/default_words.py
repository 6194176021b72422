"""The defaults of members, channels and servers in words, for the form and the log."""

from typing import Any

from babel import Locale, UnknownLocaleError

from bot.texts import Texts, _
from bot.ui.words import QUALITIES

KEPT_COLORS = {
    "no": _("the style's colors"),
    "luminance": _("colors kept (luminance)"),
    "match": _("colors kept (matched)"),
    "histogram": _("colors kept (histogram)"),
}
NOTIFY = {
    "long": _("if it takes longer than a minute"),
    "yes": _("always"),
    "no": _("never"),
}


def default_words(t: Texts, name: str, value: Any) -> str | None:  # noqa: PLR0911 - a table of words
    """One default in words; None if this version does not know it."""
    match name, value:
        case "size_px", int():
            return f"{value} px"
        case "quality", str() if value in QUALITIES:
            return t(QUALITIES[value])
        case "keep_colors", str() if value in KEPT_COLORS:
            return t(KEPT_COLORS[value])
        case "notify", str() if value in NOTIFY:
            return t("mention: {when}", when=t(NOTIFY[value]))
        case "ephemeral", True:
            return t("shown only to whoever asks")
        case "spoiler", True:
            return t("spoiler")
        case "always_spoiler", True:
            return t("spoiler on all pictures")
        case "spoiler_role_ids", list() | tuple():
            roles = ", ".join(f"<@&{role_id}>" for role_id in value)
            return t("spoiler on all pictures of {roles}", roles=roles)
        case "language", str():
            return own_name(value)
    return None


def own_name(language: str) -> str:
    """What a language calls itself: `Deutsch`."""
    try:
        name = str(Locale.parse(language, sep="-").get_display_name())
    except (ValueError, UnknownLocaleError):
        return language
    return name[:1].upper() + name[1:]
