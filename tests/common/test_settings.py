"""Settings: defaults work, mistakes get a line each, and the documents tell the truth."""

from pathlib import Path

import pytest

from common.settings import Settings, SettingsError, load_settings

ROOT = Path(__file__).parents[2]


def default_of(name: str) -> str:
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
    assert assignments == [f"{name.upper()}={default_of(name)}" for name in Settings.model_fields]


def test_the_example_file_as_it_is_gives_the_defaults() -> None:
    assert load_settings(_env_file=ROOT / ".env.example") == load_settings(_env_file=None)


def test_the_owners_page_has_every_setting_with_its_default_and_description() -> None:
    page = (ROOT / "docs" / "owners.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        default = default_of(name)
        cell = f"`{default}`" if default else ""
        assert f"| `{name.upper()}` | {cell} | {field.description} |" in page


def test_each_mistake_gets_a_line_without_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATELIER_NETWORK", "resnet-from-a-secret-place")
    monkeypatch.setenv("ATELIER_MAX_SIZE_PX", "20000")
    with pytest.raises(SettingsError) as problem:
        load_settings(_env_file=None)
    text = str(problem.value)
    assert "ATELIER_NETWORK: Input should be 'auto', 'vgg19'" in text
    assert "ATELIER_MAX_SIZE_PX" in text
    assert "secret" not in text


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


def test_keys_in_the_address_of_the_store_are_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ATELIER_STORAGE_URL", "s3://AKIAEXAMPLE:hunter2hunter2@bucket/pictures")
    with pytest.raises(SettingsError, match="AWS_SECRET_ACCESS_KEY") as refused:
        load_settings(_env_file=None)
    assert "hunter2" not in str(refused.value)
    monkeypatch.setenv("ATELIER_STORAGE_URL", "/srv/pictures@home")
    assert load_settings(_env_file=None).storage_url == "/srv/pictures@home"
