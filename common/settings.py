"""Settings of all of Atelier's processes, read from the environment and from `.env`."""

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote

from dotenv import dotenv_values
from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from common.errors import AtelierError
from common.limits import LIMITS, Limits
from common.options import Network, Precision

MIB = 1024 * 1024


class _FirstSettings(BaseSettings):
    """Those that stand before the operator's limits."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    discord_token: SecretStr | None = Field(
        None, description="The bot's token, from https://discord.com/developers/applications."
    )
    discord_api_url: str | None = Field(
        None, description="REST address of a loopback Discord. Leave empty for the real one."
    )
    discord_gateway_url: str | None = Field(
        None, description="Gateway address of a loopback Discord. Leave empty for the real one."
    )

    atelier_data_dir: Path = Field(
        Path("data"), description="Where the database and the pictures are kept."
    )
    atelier_database_url: str | None = Field(
        None,
        description="SQLAlchemy address of the database. Default: SQLite in the data directory; "
        "postgresql+asyncpg://user:password@host/name for many machines.",
    )
    atelier_storage_url: str | None = Field(
        None,
        description="Where pictures are stored. Default: a folder in the data directory; "
        "s3://bucket/prefix for many machines.",
    )
    atelier_device: str = Field(
        "auto",
        description="Where to paint: auto, cpu, cuda, cuda:1, mps. auto takes the best; with "
        "several NVIDIA cards the bot starts an engine for each.",
    )
    atelier_precision: Precision = Field(
        "auto", description="Precision of the convolutions; auto takes bf16 where it is fast."
    )
    atelier_network: Network = Field(
        "auto",
        description="The network that judges style: VGG-19, or lite, a small and quick imitation. "
        "auto takes VGG-19, and lite for drafts. The bot's counts for the jobs of all engines.",
    )
    atelier_vgg19_minutes: float = Field(
        10,
        ge=0,
        allow_inf_nan=False,
        description="Minutes that VGG-19 may take for a picture on the fastest engine there is. "
        "What would take longer is painted by lite, where no network is named. 0: never.",
    )
    atelier_vgg19_weights: Path | None = Field(
        None,
        description="A file with other weights of VGG-19 than the original's, which come along.",
    )
    atelier_engine: Literal["embedded", "external"] = Field(
        "embedded",
        description="embedded: the bot starts and supervises one engine. external: engines are "
        "started with `python -m engine`, on this or on other machines.",
    )
    atelier_log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="How much is logged."
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
    """Every setting, its environment variable, its default and what it does.

    The names of the fields are the names of the variables, in lower case; the table in the
    README and `.env.example` are checked against this class by the tests. The operator's limits
    among them are the rows of `common.limits`.
    """

    atelier_max_upload_mib: int = Field(
        25, ge=1, le=500, description="Largest picture file that is accepted, in MiB."
    )
    atelier_max_input_megapixels: int = Field(
        100, ge=1, le=500, description="Largest picture that is decoded, in megapixels."
    )
    atelier_max_memory: str | None = Field(
        None,
        description="Memory the engine may use for painting, such as 6GiB. Default: measured.",
    )
    atelier_migrate_without_copy: bool = Field(
        False,
        description="Bring an older database to this version though no copy of it can be made "
        "before; for who has a backup of their own.",
    )
    atelier_hang_seconds: int = Field(
        600,
        ge=1,
        description="An engine whose device gives no sign of life for so long ends, in seconds.",
    )
    atelier_disk_reserve_mib: int = Field(
        1024, ge=0, description="Free space that is kept on the disk of the data folder, in MiB."
    )
    atelier_max_member_mib: int = Field(
        4096,
        ge=1,
        description="Largest share of the picture store that one member's pictures take, in MiB.",
    )
    atelier_monitor_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port of the owner's page, of /healthz and of /metrics; 0 for none.",
    )
    atelier_monitor_host: str = Field(
        "127.0.0.1",
        description="Address that this port listens on. Nobody has to sign in there: keep it to "
        "this machine, or to a network that only you reach.",
    )
    atelier_alert_channel_id: int | None = Field(
        None,
        description="Discord id of the channel that is told of troubles. Default: the owners' "
        "direct messages.",
    )
    atelier_owner_ids: Annotated[tuple[int, ...], NoDecode] = Field(
        (),
        description="Discord ids, separated by commas, of those who run this bot.",
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
        """Addresses are shown to people; keys are read from where nothing shows them."""
        if value and "@" in value.partition("://")[2].partition("/")[0]:
            reason = "keys do not belong into it; put them into AWS_ACCESS_KEY_ID and "
            raise ValueError(reason + "AWS_SECRET_ACCESS_KEY")
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _empty_means_default(cls, value: object, info: ValidationInfo) -> object:
        """An empty line in `.env` (`NAME=`) means the default, not an empty text."""
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
        """SQLAlchemy address of the database, the default filled in."""
        if self.atelier_database_url:
            return self.atelier_database_url
        file = (self.atelier_data_dir / "atelier.sqlite3").resolve()
        # Quoted: a folder's name may have signs that mean something in an address.
        return f"sqlite+aiosqlite:///{quote(file.as_posix(), safe='/:')}"

    @property
    def storage_url(self) -> str:
        """Address of the picture store: a folder's path or a URL, the default filled in."""
        if self.atelier_storage_url:
            return self.atelier_storage_url
        return str((self.atelier_data_dir / "pictures").resolve())

    @property
    def styles_dir(self) -> Path:
        """Folder of the downloaded scans of the catalogue's paintings."""
        return self.atelier_data_dir / "styles"

    @property
    def max_upload_bytes(self) -> int:
        """Largest picture file that is accepted."""
        return self.atelier_max_upload_mib * MIB

    @property
    def disk_reserve_bytes(self) -> int:
        """Free space that is kept on the disk of the data folder."""
        return self.atelier_disk_reserve_mib * MIB

    @property
    def max_input_pixels(self) -> int:
        """Largest picture that is decoded."""
        return self.atelier_max_input_megapixels * 1_000_000


class SettingsError(AtelierError):
    """The environment holds a value that cannot be used; the text says which and why."""


def unknown_settings(env_file: Path | None = Path(".env")) -> list[str]:
    """A sentence for each variable that looks like one of ours and is none.

    Args:
        env_file: read besides the environment, where it is there.
    """
    known = [name.upper() for name in Settings.model_fields]
    names = set(os.environ)
    if env_file is not None and env_file.is_file():
        names |= set(dotenv_values(env_file))
    sentences = []
    for name in sorted(names):
        if name.upper() in known or not name.upper().startswith("ATELIER_"):
            continue
        near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.75)
        sentences.append(
            f"{name} is no setting of Atelier" + (f"; is {near[0]} meant?" if near else ".")
        )
    return sentences


def load_settings(**overrides: object) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: with one line for each variable that is wrong; values are not repeated,
            since one of them may be a secret.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise SettingsError("These settings cannot be used:\n  " + "\n  ".join(lines)) from None
