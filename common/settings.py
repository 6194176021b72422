"""Settings of all of Atelier's processes, read from the environment and from `.env`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote, urlsplit

from pydantic import (
    Field,
    SecretStr,
    ValidationInfo,
    create_model,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from common.env_file import ENCODING
from common.limits import LIMITS, Limits
from common.options import Network, Precision

MIB = 1024 * 1024
ENV_FILE = Path(".env")
DiscordId = Annotated[int, Field(ge=1, lt=2**63)]
_CONTROL = re.compile(r"[\x00-\x1f]")
_WITHOUT_BUCKET = re.compile(r"s3:/*$|s3:///|https?://", re.IGNORECASE)
_WITHOUT_SLASHES = re.compile(r"(s3|gs|az|https?):(?!//)")


class _FirstSettings(BaseSettings):
    """Settings that come before the operator's limits."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_file_encoding=ENCODING,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    discord_token: SecretStr | None = Field(
        None, description="The bot's token, from https://discord.com/developers/applications."
    )
    discord_api_url: str | None = Field(
        None,
        description="REST address of a local test Discord, such as the sandbox. Leave empty for "
        "the real one.",
    )
    discord_gateway_url: str | None = Field(
        None, description="Gateway address of a local test Discord. Leave empty for the real one."
    )

    atelier_data_dir: Path = Field(
        Path("data"), description="Folder for the database and the pictures."
    )
    atelier_database_url: str | None = Field(
        None,
        description="SQLAlchemy URL of the database. Default: SQLite in the data folder. For "
        "several machines: postgresql+asyncpg://user:password@host/name",
    )
    atelier_storage_url: str | None = Field(
        None,
        description="Where pictures are stored. Default: a folder in the data folder. For several "
        "machines: s3://bucket/prefix",
    )
    atelier_device: str = Field(
        "auto",
        description="Device to paint on: auto, cpu, cuda, cuda:1 or mps. auto picks the best; with "
        "several NVIDIA cards the bot starts an engine for each.",
    )
    atelier_precision: Precision = Field(
        "auto",
        description="Precision of the convolutions: auto, fp32 or bf16. auto uses bf16 where it is "
        "fast.",
    )
    atelier_network: Network = Field(
        "auto",
        description="Network that judges style: auto, vgg19, or lite, a small and fast imitation "
        "of VGG-19. auto uses VGG-19, and lite for drafts. The bot's value decides for the "
        "jobs of all engines.",
    )
    atelier_vgg19_minutes: float = Field(
        10,
        ge=0,
        allow_inf_nan=False,
        description="Longest time in minutes that VGG-19 may take for a picture on the fastest "
        "engine. A picture that would take longer is painted by lite, unless a network "
        "is named. 0 turns this off.",
    )
    atelier_vgg19_weights: Path | None = Field(
        None,
        description="File with VGG-19 weights to use instead of the original ones, which are "
        "included.",
    )
    atelier_engine: Literal["embedded", "external"] = Field(
        "embedded",
        description="embedded: the bot starts and supervises its engines. external: you start "
        "engines with `python -m engine`, on this or other machines.",
    )
    atelier_log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Lowest level that is logged: DEBUG, INFO, WARNING or ERROR."
    )


if TYPE_CHECKING:
    _LimitSettings = _FirstSettings
else:
    _LimitSettings = create_model(
        "_LimitSettings",
        __base__=_FirstSettings,
        **{
            f"atelier_{name}": (
                limit.value_type,
                Field(limit.default, description=f"Operator's limit: {limit.setting}"),
            )
            for name, limit in LIMITS.items()
            if limit.setting
        },
    )


class Settings(_LimitSettings):
    """All settings: environment variable, default and help.

    Field names are the variables in lower case. Tests check the table in docs/owners.md and
    `.env.example` against this class. The operator's limits are the rows of `common.limits`.
    """

    atelier_max_upload_mib: int = Field(
        25, ge=1, le=500, description="Largest picture file that is accepted, in MiB."
    )
    atelier_max_input_megapixels: int = Field(
        100, ge=1, le=500, description="Largest picture that is decoded, in megapixels."
    )
    atelier_max_memory: str | None = Field(
        None,
        description="Memory that the engine may use for painting, such as 6GiB. Default: measured.",
    )
    atelier_migrate_without_copy: bool = Field(
        False,
        description="Migrate an older database even where it cannot be copied first. Only if you "
        "have a backup of your own.",
    )
    atelier_hang_seconds: int = Field(
        600,
        ge=1,
        description="Seconds without a sign of life from its device after which an engine ends.",
    )
    atelier_disk_reserve_mib: int = Field(
        1024,
        ge=0,
        description="Free space to keep on the disks of the data folder and of the pictures, in "
        "MiB.",
    )
    atelier_max_member_mib: int = Field(
        4096,
        ge=1,
        description="Most space that one member's pictures may take in the picture store, in MiB.",
    )
    atelier_monitor_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port of the owner's page, /healthz and /metrics. 0 turns them off.",
    )
    atelier_monitor_host: str = Field(
        "127.0.0.1",
        description="Address that this port listens on. There is no sign-in: keep it to this "
        "machine, or to a network that only you can reach.",
    )
    atelier_alert_channel_id: DiscordId | None = Field(
        None,
        description="Discord ID of the channel that receives alerts. Default: direct messages to "
        "the owners.",
    )
    atelier_owner_ids: Annotated[tuple[DiscordId, ...], NoDecode] = Field(
        (),
        description="Discord IDs of the people who run this bot, separated by commas.",
    )

    @field_validator("atelier_owner_ids", mode="before")
    @classmethod
    def _split_ids(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("atelier_storage_url")
    @classmethod
    def _without_keys(cls, value: str | None) -> str | None:
        """Refuse credentials in addresses, which are displayed."""
        if value and "@" in value.partition("://")[2].partition("/")[0]:
            reason = "must not have keys in it; put them into AWS_ACCESS_KEY_ID and "
            raise ValueError(reason + "AWS_SECRET_ACCESS_KEY")
        if value and (_WITHOUT_SLASHES.match(value) or _WITHOUT_BUCKET.match(value)):
            raise ValueError(
                "has to be a folder, or s3://bucket/prefix; a server's address belongs into "
                "AWS_ENDPOINT_URL"
            )
        if value and (value[0] in "~$" or _CONTROL.search(value)):
            return str(_home_of(Path(value)))
        return value

    @field_validator("atelier_data_dir", "atelier_vgg19_weights")
    @classmethod
    def _from_home(cls, value: Path | None) -> Path | None:
        return None if value is None else _home_of(value)

    @field_validator("discord_token")
    @classmethod
    def _without_spaces(cls, value: SecretStr | None) -> SecretStr | None:
        """Strip spaces and line ends, which are easily copied with a token."""
        return None if value is None else SecretStr(value.get_secret_value().strip())

    @field_validator("discord_api_url", "discord_gateway_url")
    @classmethod
    def _of_a_server(cls, value: str | None, info: ValidationInfo) -> str | None:
        schemes = {"http", "https"} if info.field_name == "discord_api_url" else {"ws", "wss"}
        if value and not (urlsplit(value).scheme in schemes and urlsplit(value).hostname):
            raise ValueError(f"has to be an address that begins with {min(schemes)}://")
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _empty_means_default(cls, value: object, info: ValidationInfo) -> object:
        """Treat an empty value in `.env` (`NAME=`) as the default."""
        if isinstance(value, str) and not value.strip():
            return cls.model_fields[info.field_name or ""].default
        return value

    @property
    def limits(self) -> Limits:
        """The operator's limits, which hold everywhere."""
        values = {name: getattr(self, f"atelier_{name}") for name in LIMITS if LIMITS[name].setting}
        return Limits(**values)

    @property
    def database_url(self) -> str:
        """The database's SQLAlchemy URL, with the default filled in."""
        if self.atelier_database_url:
            return self.atelier_database_url
        file = (self.atelier_data_dir / "atelier.sqlite3").resolve()
        # Quoted, as a path may contain characters with a meaning in URLs.
        return f"sqlite+aiosqlite:///{quote(file.as_posix(), safe='/:')}"

    @property
    def storage_url(self) -> str:
        """The picture store's path or URL, with the default filled in."""
        if self.atelier_storage_url:
            return self.atelier_storage_url
        return str((self.atelier_data_dir / "pictures").resolve())

    @property
    def styles_dir(self) -> Path:
        """Folder of the downloaded scans of the catalogue's paintings."""
        return self.atelier_data_dir / "styles"

    @property
    def statistics_dir(self) -> Path:
        """Folder of the cached statistics of styles."""
        return self.atelier_data_dir / "statistics"

    @property
    def pace_dir(self) -> Path:
        """Folder of the measured paces of this machine's devices."""
        return self.atelier_data_dir / "pace"

    @property
    def max_upload_bytes(self) -> int:
        """Largest picture file that is accepted."""
        return self.atelier_max_upload_mib * MIB

    @property
    def disk_reserve_bytes(self) -> int:
        """Free space to keep on the disks of the data folder and the pictures."""
        return self.atelier_disk_reserve_mib * MIB

    @property
    def max_input_pixels(self) -> int:
        """Largest picture that is decoded."""
        return self.atelier_max_input_megapixels * 1_000_000


def _home_of(path: Path) -> Path:
    """Expand `~` as a shell does; but an existing folder of that literal name is kept.

    Raises:
        ValueError: the home folder is unknown, or the path begins with a variable.
    """
    if _CONTROL.search(str(path)):
        raise ValueError(
            "has a backslash in double quotes, where it begins an escape such as \\t for a tab; "
            "write the path without quotes, or with / instead"
        )
    if path.parts[:1] and path.parts[0].startswith("$"):
        raise ValueError("has to be a path; a variable in it is written as ${HOME}, in .env alone")
    try:
        return path if path.exists() else path.expanduser()
    except RuntimeError:
        raise ValueError("begins with the home of a user who does not exist") from None
    except OSError:
        return path
