"""A login in a real browser: without it one sees nothing, with it everything, and afterwards nothing again."""

import asyncio
import base64
import hashlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from bokeh.util.token import generate_jwt_token, generate_session_id
from playwright.sync_api import expect
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

ROOT = Path(__file__).parents[2]


def free_port():
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


@contextmanager
def served(home, port, command=("workbench.cli", "serve", "--no-show"), **environment):
    """Serve the workbench with a login and yield its address."""
    env = os.environ | {"WORKBENCH_HOME": str(home), "WORKBENCH_SLOTS": "1", "OMP_NUM_THREADS": "1"} | environment
    home.mkdir(exist_ok=True)
    with (home / "server.log").open("w") as log:
        words = [sys.executable, "-m", *command, "--port", str(port)]
        server = subprocess.Popen(words, cwd=ROOT, env=env, stdout=log, stderr=log)
    try:
        for _ in range(600):
            assert server.poll() is None, (home / "server.log").read_text()
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """Return the address of a workbench for Ada and Bob, and its home."""
    home = tmp_path_factory.mktemp("guarded")
    users = home / "Users.json"
    users.write_text(json.dumps({"ada": "Lovelace 1815", "bob": "Ross"}))
    users.chmod(0o600)
    with served(home, free_port(), PANEL_BASIC_AUTH=str(users)) as address:
        yield address, home


def log_in(page, name, password):
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_one_logs_in_works_and_logs_out(guarded, visitor):
    address, _ = guarded
    page = visitor()
    page.goto(f"{address}/app?lab=trial&params=%7B%22steps%22%3A7%7D")
    expect(page.get_by_label("Password")).to_be_visible()
    assert "Darts" not in page.content()
    log_in(page, "ada", "lovelace 1815")  # the case counts
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    log_in(page, "eve", "Lovelace 1815")
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    log_in(page, "ada", "Lovelace 1815")
    expect(page.get_by_role("heading", name="Darts")).to_be_visible()  # the very place that was asked for
    assert "steps" in page.url
    expect(page.get_by_text("ada", exact=True)).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("Showing trial")).to_be_visible()
    cookie = next(c for c in page.context.cookies() if c["name"] == "user")
    assert cookie["httpOnly"] and time.time() < cookie["expires"] < time.time() + 86400 + 60
    page.get_by_role("link", name="Log out").click()
    expect(page.get_by_text("You have logged out")).to_be_visible()
    page.goto(f"{address}/app")
    expect(page.get_by_label("Password")).to_be_visible()


def get(address, path, cookie=""):
    """Ask for a path exactly as it stands, dots and all; return status, headers and body."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    connection.putrequest("GET", path, skip_accept_encoding=True)
    if cookie:
        connection.putheader("Cookie", cookie)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def test_without_the_cookie_there_are_only_the_login_page_and_the_libraries_files(guarded):
    address, home = guarded
    (home / "uploads" / "0123").mkdir(parents=True)
    (home / "uploads" / "0123" / "secret.csv").write_text("a,b\n1,2\n")
    for path in ("/", "/app", "/app?lab=rs", "/app/metadata", "/app/autoload.js?bokeh-autoload-element=x"):
        status, headers, body = get(address, path)
        assert status in (302, 401, 403) and b"roots" not in body, path
        assert status != 302 or "/login" in headers["Location"], path
    for forged in ("user=ada", "user=ada; is_guest=1", "user=2|1:0|10:1700000000|4:user|4:YWRh|" + 64 * "0"):
        assert get(address, "/app", forged)[0] == 302
    up = [f"/static/{dots * 8}{(home / 'uploads/0123/secret.csv').as_posix()}" for dots in ("../", "..%2f", "%2e%2e/")]
    up += [f"/static//{home}/uploads/0123/secret.csv", f"/static/extensions/panel/{'../' * 12}{home}/Users.json"]
    up += [f"/components/workbench.ui.address/Address/_esm/{'../' * 9}{home}/Users.json", "/uploads/0123/secret.csv"]
    up += ["/app/../uploads/0123/secret.csv", "/components/os/environ/css/x", f"/components/os/path/_css/{home}"]
    for path in up:
        status, _, body = get(address, path)
        assert status >= 400 and b"a,b" not in body and b"Lovelace" not in body, path


def test_a_websocket_needs_the_cookie_and_a_token_that_the_server_signed(guarded, page):
    address, _ = guarded
    page.goto(f"{address}/app")
    log_in(page, "bob", "Ross")
    expect(page.get_by_role("link", name="Log out")).to_be_visible()
    cookie = "; ".join(f"{c['name']}={c['value']}" for c in page.context.cookies())
    ours = generate_jwt_token(generate_session_id(), signed=False)  # a token of the visitor's own making
    theirs = re.search(r'"token":"([^"]+)"', get(address, "/app", cookie)[2].decode())[1]

    async def open_line(cookie, token, origin):
        request = HTTPRequest(f"{address.replace('http', 'ws')}/app/ws", headers={"Origin": origin, "Cookie": cookie})
        try:
            socket = await websocket_connect(request, subprotocols=["bokeh", token])
            return await asyncio.wait_for(socket.read_message(), 60)
        except HTTPClientError as error:
            return error.code

    def knock(cookie, token, origin=address):  # in a thread, since Playwright keeps a loop in this one
        with ThreadPoolExecutor(1) as other:
            return other.submit(asyncio.run, open_line(cookie, token, origin)).result()

    assert knock("", theirs) == 403
    assert knock(cookie, theirs, "http://elsewhere.example") == 403
    assert knock(cookie, ours) is None  # hung up
    assert "msgid" in knock(cookie, theirs)


# a provider of identities --------------------------------------------------------------------------------------------


class Provider(BaseHTTPRequestHandler):
    """As little of OpenID Connect as the authorization code flow needs; it checks what a real one checks."""

    codes: dict[str, dict] = {}
    mood = "friendly"

    def do_GET(self):
        parts = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path == "/authorize":
            assert asked["response_type"] == "code" and asked["client_id"] == "workbench" and "openid" in asked["scope"]
            code = hashlib.sha256(asked["state"].encode()).hexdigest()
            self.codes[code] = asked
            self.send_response(302)
            self.send_header(
                "Location", f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"
            )
            self.end_headers()
        elif self.headers.get("Authorization") == "Bearer open sesame":
            self._say({"email": "grace@example.org", "sub": "1"})
        else:
            self._say({"error": "invalid_token"}, 401)

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        asked = self.codes.pop(form["code"][0], None)  # good for one time
        right = asked and form["redirect_uri"][0] == asked["redirect_uri"]
        if right and "code_challenge" in asked:
            digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
            right = base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked["code_challenge"]
        elif right:
            right = form["client_secret"] == ["hush"]
        if not right or self.mood != "friendly":
            self._say({"error": "invalid_grant", "error_description": "The code is <b>stale</b>."}, 400)
            return
        self._say({"access_token": "open sesame", "token_type": "Bearer", "expires_in": 3600})

    def _say(self, what, status=200):
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def provider():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize("kind", ["auth_code", "generic"])
def test_one_logs_in_with_a_provider_of_identities(kind, provider, tmp_path, visitor, chromium):
    port = free_port()
    oauth = {
        "PANEL_OAUTH_PROVIDER": kind,
        "PANEL_OAUTH_KEY": "workbench",
        "PANEL_OAUTH_SECRET": "hush",
        "PANEL_OAUTH_SCOPE": "openid,email",
        "PANEL_OAUTH_REDIRECT_URI": f"http://localhost:{port}/login",
        "PANEL_OAUTH_AUTHORIZE_URL": f"{provider}/authorize",
        "PANEL_OAUTH_TOKEN_URL": f"{provider}/token",
        "PANEL_OAUTH_USER_URL": f"{provider}/user",
        "PANEL_OAUTH_ENCRYPTION": base64.urlsafe_b64encode(os.urandom(32)).decode(),
    }
    with served(tmp_path / "home", port, **oauth) as address:
        page = visitor()
        page.goto(f"{address}/app?lab=trial")
        expect(page.get_by_role("heading", name="Darts")).to_be_visible()
        expect(page.get_by_text("grace@example.org", exact=True)).to_be_visible()
        page.get_by_role("link", name="Log out").click()
        expect(page.get_by_text("You have logged out")).to_be_visible()
        assert not [c for c in page.context.cookies() if c["name"] in ("user", "access_token", "id_token")]
        Provider.mood = "unfriendly"
        stranger = chromium.new_page()  # a refusal is an error on the console, so nobody watches this one
        stranger.goto(f"{address}/app?lab=trial")
        expect(stranger.get_by_role("alert")).to_contain_text("stale")
        assert "<title>Workbench</title>" in stranger.content() and "https://" not in stranger.content()
        stranger.close()
        Provider.mood = "friendly"
        # Panel's "generic" takes an empty state too, so that a stranger's link may log one in as the stranger
        for state in ("made up", "") if kind == "auth_code" else ("made up",):
            status, headers, body = get(address, f"/login?{urlencode({'code': 'of another', 'state': state})}")
            asks_again = status == 302 and headers["Location"].startswith(f"{provider}/authorize")
            assert asks_again or (status in (400, 401) and b"state mismatch" in body.lower())
