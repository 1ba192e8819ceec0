"""A login that is configured wrongly is told before anybody could come in by it."""

import json
import stat

import pytest

from workbench.cli.login import login_options
from workbench.contract.errors import LabError


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return tmp_path


def users(folder, content='{"ada": "Lovelace"}', mode=0o600):
    path = folder / "Users.json"
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)
    return str(path)


def test_without_a_login_nothing_is_asked_for_and_nothing_written(own_home):
    environment = {}
    assert login_options(environment) == [] and environment == {} and not (own_home / "home").exists()


def test_a_file_of_users_is_handed_on_as_it_is(own_home):
    environment = {"PANEL_BASIC_AUTH": users(own_home)}
    assert login_options(environment)[:2] == ["--basic-auth", str(own_home / "Users.json")]
    assert "PANEL_BASIC_AUTH" not in environment  # neither Panel, which would read it in lower case, nor the workers
    assert environment["BOKEH_SIGN_SESSIONS"] == "yes" and len(environment["BOKEH_SECRET_KEY"]) > 30


def test_one_password_for_all_stands_in_a_private_file_and_not_among_the_processes(own_home):
    options = login_options({"PANEL_BASIC_AUTH": "Open Sesame"})
    assert not any("Sesame" in option for option in options)
    kept = own_home / "home" / "password.json"
    assert options[1] == str(kept) and json.loads(kept.read_text()) == "Open Sesame"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_the_secret_that_signs_is_kept_private_and_outlives_the_server(own_home):
    first, second = {"PANEL_BASIC_AUTH": "a"}, {"PANEL_BASIC_AUTH": "b"}
    login_options(first)
    login_options(second)
    assert first["PANEL_COOKIE_SECRET"] == second["PANEL_COOKIE_SECRET"]
    assert stat.S_IMODE((own_home / "home" / "cookie-secret").stat().st_mode) == 0o600
    assert {path.name for path in (own_home / "home").iterdir()} == {"cookie-secret", "password.json"}
    own = {"PANEL_BASIC_AUTH": "a", "PANEL_COOKIE_SECRET": "mine"}
    login_options(own)
    assert own["PANEL_COOKIE_SECRET"] == "mine"


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        ("{'ada': 'x'}", 0o600, "cannot be read"),
        ("{}", 0o600, "no list of users"),
        ('["ada"]', 0o600, "no list of users"),
        ('{"ada": ""}', 0o600, "no list of users"),
        ('{"ada": "x"}', 0o644, "Everybody on this machine"),
    ],
)
def test_a_file_of_users_that_cannot_serve_is_refused_in_words(own_home, content, mode, said):
    with pytest.raises(LabError, match=said):
        login_options({"PANEL_BASIC_AUTH": users(own_home, content, mode)})


def test_a_missing_file_of_users_is_not_taken_for_a_password():
    for name in ("users.json", "/etc/workbench/users"):
        with pytest.raises(LabError, match="no file of users"):
            login_options({"PANEL_BASIC_AUTH": name})


def test_a_provider_needs_its_key_and_most_a_secret():
    with pytest.raises(LabError, match="lacks PANEL_OAUTH_KEY and PANEL_OAUTH_SECRET"):
        login_options({"PANEL_OAUTH_PROVIDER": "github"})
    known = {"PANEL_OAUTH_PROVIDER": "auth_code", "PANEL_OAUTH_KEY": "workbench"}
    assert "--logout-template" in login_options(known)
