"""Settings: defaults, explained errors, and their documentation."""

import os
from pathlib import Path

import pytest

from common.settings import Settings
from common.settings_loading import SettingsError, load_settings
from tests.kit.other_user import without_access

ROOT = Path(__file__).parents[2]


def documented_default(name: str) -> str:
    default = Settings.model_fields[name].default
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return "" if default is None else str(default)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_example_file_has_every_setting_with_its_default() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    assignments = [line for line in lines if line and not line.startswith("#")]
    assert assignments == [
        f"{name.upper()}={documented_default(name)}" for name in Settings.model_fields
    ]


def test_unchanged_example_file_gives_the_defaults() -> None:
    assert load_settings(_env_file=ROOT / ".env.example") == load_settings(_env_file=None)


def test_the_owners_page_has_every_setting_with_its_default_and_description() -> None:
    page = (ROOT / "docs" / "owners.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        default = documented_default(name)
        cell = f"`{default}`" if default else ""
        assert f"| `{name.upper()}` | {cell} | {field.description} |" in page


def test_each_invalid_setting_gets_a_line_without_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ATELIER_NETWORK", "resnet-from-a-secret-place")
    monkeypatch.setenv("ATELIER_MAX_SIZE_PX", "20000")
    with pytest.raises(SettingsError) as problem:
        load_settings(_env_file=None)
    text = str(problem.value)
    assert "ATELIER_NETWORK has to be 'auto', 'vgg19'" in text
    assert "ATELIER_MAX_SIZE_PX" in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ATELIER_MAX_PER_DAY", "5O", "has to be a whole number."),
        ("ATELIER_VGG19_MINUTES", "ten", "has to be a number."),
        ("ATELIER_MIGRATE_WITHOUT_COPY", "maybe", "has to be true or false."),
        ("ATELIER_MAX_UPLOAD_MIB", "501", "has to be at most 500."),
        ("ATELIER_HANG_SECONDS", "0", "has to be at least 1."),
        ("ATELIER_OWNER_IDS", "12; 34, <@56>", "has to be whole numbers separated by commas."),
        ("ATELIER_OWNER_IDS", "-4", "has to be at least 1."),
        ("ATELIER_ALERT_CHANNEL_ID", "#general", "has to be a whole number."),
        ("ATELIER_ALERT_CHANNEL_ID", "9" * 23, "has to be less than 9223372036854775808."),
        ("ATELIER_STORAGE_URL", "s3:/bucket", "has to be a folder, or s3://bucket/prefix;"),
        ("ATELIER_STORAGE_URL", "s3://", "has to be a folder, or s3://bucket/prefix;"),
        ("ATELIER_STORAGE_URL", "s3:///pictures", "has to be a folder, or s3://bucket/prefix;"),
        ("ATELIER_STORAGE_URL", "https://minio:9000/a", "address belongs into AWS_ENDPOINT_URL."),
        ("DISCORD_API_URL", "127.0.0.1:8787", "an address that begins with http://."),
        ("DISCORD_GATEWAY_URL", "http://127.0.0.1:1", "an address that begins with ws://."),
        ("ATELIER_DATA_DIR", "$HOME/atelier", "a variable in it is written as ${HOME}"),
        ("ATELIER_DATA_DIR", "~nobody-of-this-name/data", "the home of a user"),
    ],
)
def test_invalid_setting_is_explained_in_plain_words(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as problem:
        load_settings(_env_file=None)
    first, line = str(problem.value).splitlines()
    assert first == "These settings cannot be used:"
    assert line.startswith(f"  {name} ")
    assert message in line


def test_tilde_expands_to_home_unless_a_folder_has_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ATELIER_DATA_DIR", "~/data")
    monkeypatch.setenv("ATELIER_STORAGE_URL", "~/pictures")
    settings = load_settings(_env_file=None)
    assert settings.atelier_data_dir == tmp_path / "home" / "data"
    assert settings.storage_url == str(tmp_path / "home" / "pictures")
    Path("~/data").mkdir(parents=True)  # an earlier version created it
    assert load_settings(_env_file=None).atelier_data_dir == Path("~/data")


def test_spaces_around_a_token_are_stripped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", " a.b.c\n")
    token = load_settings(_env_file=None).discord_token
    assert token is not None
    assert token.get_secret_value() == "a.b.c"


def test_unreadable_env_file_is_reported(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    texts = "DISCORD_TOKEN=a".encode("utf-16"), "# für mich\n".encode("latin-1"), b"AWS_A=a\0"
    for data in texts:
        file.write_bytes(data)
        with pytest.raises(SettingsError, match="not written in UTF-8"):
            load_settings(_env_file=file)
    file.write_bytes("\ufeffATELIER_DEVICE=cpu\r\n# für mich\r\n".encode())
    assert load_settings(_env_file=file).atelier_device == "cpu"
    with (
        without_access(tmp_path),
        pytest.raises(SettingsError, match=r"cannot be read \(Permission denied\)"),
    ):
        load_settings(_env_file=file)


@pytest.mark.parametrize("name", ["ATELIER_DATA_DIR", "ATELIER_STORAGE_URL"])
def test_windows_path_with_an_escaped_backslash_is_reported(name: str, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f'{name}="C:\\atelier\\new"\n')
    with pytest.raises(SettingsError, match=f"{name} has a backslash in double quotes"):
        load_settings(_env_file=file)
    file.write_text(f"{name}=C:\\atelier\\new\n")
    load_settings(_env_file=file)


def test_s3_keys_in_the_env_file_reach_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "")  # so that the old state is restored
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the environment")
    file = tmp_path / ".env"
    file.write_text(
        "AWS_ACCESS_KEY_ID=of the file\nAWS_SECRET_ACCESS_KEY='s3cret'\nAWS_ENDPOINT_URL=\nPATH=x\n"
    )
    path = os.environ["PATH"]
    load_settings(_env_file=file)
    assert os.environ["AWS_ACCESS_KEY_ID"] == "of the environment"
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "s3cret"
    assert "AWS_ENDPOINT_URL" not in os.environ
    assert os.environ["PATH"] == path


def test_env_file_line_without_a_setting_is_warned_about_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / ".env"
    file.write_text("# ours\nATELIER_DEVICE: cpu\nATELIER_MAX_PER_DAY=3\n")
    assert load_settings(_env_file=file).limits.max_per_day == 3
    assert caplog.messages == [f"Line 2 of {file} is not read: write a setting as NAME=value."]


def test_owner_ids_are_read_from_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATELIER_OWNER_IDS", "12, 34")
    assert load_settings(_env_file=None).atelier_owner_ids == (12, 34)


def test_the_token_does_not_show_in_the_settings_text() -> None:
    settings = load_settings(_env_file=None, discord_token="very-secret")
    assert "very-secret" not in repr(settings)
    assert "very-secret" not in settings.model_dump_json()


def test_database_and_pictures_live_in_the_data_dir_by_default(tmp_path: Path) -> None:
    settings = load_settings(_env_file=None, atelier_data_dir=tmp_path)
    assert (
        settings.database_url == f"sqlite+aiosqlite:///{(tmp_path / 'atelier.sqlite3').as_posix()}"
    )
    assert settings.storage_url == str(tmp_path / "pictures")


def test_keys_in_the_storage_url_are_refused_without_being_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ATELIER_STORAGE_URL", "s3://AKIAEXAMPLE:hunter2hunter2@bucket/pictures")
    with pytest.raises(SettingsError, match="AWS_SECRET_ACCESS_KEY") as refused:
        load_settings(_env_file=None)
    assert "hunter2" not in str(refused.value)
    monkeypatch.setenv("ATELIER_STORAGE_URL", "/srv/pictures@home")
    assert load_settings(_env_file=None).storage_url == "/srv/pictures@home"


def test_blank_setting_means_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATELIER_MAX_UPLOAD_MIB", "  ")
    monkeypatch.setenv("ATELIER_OWNER_IDS", " 12,, 34 ,")
    settings = load_settings(_env_file=None)
    assert settings.atelier_max_upload_mib == 25
    assert settings.atelier_owner_ids == (12, 34)


def test_size_settings_are_converted_from_mib_and_megapixels() -> None:
    settings = load_settings(
        _env_file=None,
        atelier_max_upload_mib=3,
        atelier_disk_reserve_mib=2,
        atelier_max_input_megapixels=4,
    )
    assert settings.max_upload_bytes == 3 * 1024 * 1024
    assert settings.disk_reserve_bytes == 2 * 1024 * 1024
    assert settings.max_input_pixels == 4_000_000


def test_at_sign_in_a_bucket_prefix_is_not_taken_for_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ATELIER_STORAGE_URL", "s3://bucket/pictures@home")
    assert load_settings(_env_file=None).storage_url == "s3://bucket/pictures@home"
