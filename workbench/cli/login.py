"""The login of ``workbench serve``, configured by the environment as for ``panel serve``."""

from __future__ import annotations

import contextlib
import json
import secrets
import tempfile
from pathlib import Path

from workbench.contract.errors import LabError
from workbench.data.catalog.cache import home

FACE = Path(__file__).parents[1] / "ui" / "login.html"  # what one sees without a login; Panel's own asks other hosts


def login_options(environment: dict[str, str]) -> list[str]:
    """Return the options of ``panel serve`` for the login that is configured; empty when none is.

    Parameters
    ----------
    environment
        The variables that the server will get. ``PANEL_BASIC_AUTH`` is taken out: Panel reads it in lower case, and
        the workers need not know it. The secrets that sign cookies and sessions are put in.

    Raises
    ------
    LabError
        If what is configured could not let anybody in, or would let in whoever guesses a file's name.
    """
    basic = environment.pop("PANEL_BASIC_AUTH", "")
    if basic:
        options = ["--basic-auth", str(_users(basic))]
    elif environment.get("PANEL_OAUTH_PROVIDER"):
        needed = ["PANEL_OAUTH_KEY"]
        needed += ["PANEL_OAUTH_SECRET"] if environment["PANEL_OAUTH_PROVIDER"] != "auth_code" else []
        missing = [name for name in needed if not environment.get(name)]
        if missing:
            raise LabError(
                f"The login by {environment['PANEL_OAUTH_PROVIDER']} lacks {' and '.join(missing)}.",
                "The provider gives them when the workbench is registered there.",
            )
        options = ["--oauth-error-template", str(FACE)]
    else:
        return []
    secret = environment.setdefault("PANEL_COOKIE_SECRET", _kept_secret())
    environment |= {"BOKEH_SIGN_SESSIONS": "yes", "BOKEH_SECRET_KEY": environment.get("BOKEH_SECRET_KEY") or secret}
    return [*options, "--basic-login-template", str(FACE), "--logout-template", str(FACE)]


def _users(basic: str) -> Path:
    """Return a file with the users, or with the one password of all, so that no password stands among the processes."""
    path = Path(basic).expanduser()
    if not path.is_file():
        if "/" in basic or path.suffix == ".json":  # Panel would take the file's name for the password
            raise LabError(f"There is no file of users at {basic}.", 'It holds JSON: {"ada": "her password"}.')
        path = home() / "password.json"
        return _write_private(path, json.dumps(basic)).replace(path)
    try:
        users = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LabError(f"The file of users {basic} cannot be read: {error}", "It holds JSON.") from None
    if not isinstance(users, dict) or not users or not all(isinstance(p, str) and p for p in users.values()):
        raise LabError(f"{basic} is no list of users.", 'It holds JSON: {"ada": "her password", "bob": "his"}.')
    if path.stat().st_mode & 0o007:
        raise LabError(f"Everybody on this machine can read the passwords in {basic}.", f"chmod 600 {basic}")
    return path.resolve()


def _kept_secret() -> str:
    """Return the secret that signs cookies; it is kept, so that a restarted server still knows who has logged in."""
    path = home() / "cookie-secret"
    if not path.exists():
        fresh = _write_private(path, secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):  # another server that starts was first: then its secret counts
            path.hardlink_to(fresh)
        fresh.unlink()
    return path.read_text(encoding="utf-8")


def _write_private(path: Path, text: str) -> Path:
    """Write a file beside a path, which nobody else can read, and return where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
        file.write(text)
    return Path(file.name)
