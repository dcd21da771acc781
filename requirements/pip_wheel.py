"""Where Python comes without pip, the one wheel of it that uv.lock pins is used and no other."""

import configparser
import hashlib
import html
import os
import re
import ssl
import tomllib
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class WrongFile(Exception):
    pass


def download(folder: Path) -> Path:
    url, pinned = wheel_in_lock()
    name = url.rsplit("/", 1)[1]
    if index := configured_index():
        url = link_on_page(index.rstrip("/") + "/pip/", name)
    wheel = fetch(url)
    if "sha256:" + hashlib.sha256(wheel).hexdigest() != pinned:
        raise WrongFile(name)
    path = folder / name
    path.write_bytes(wheel)
    return path


def wheel_in_lock() -> tuple[str, str]:
    packages = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]
    wheel = next(package for package in packages if package["name"] == "pip")["wheels"][0]
    return wheel["url"], wheel["hash"]


def configured_index() -> str | None:
    """The index that pip would be told to use, read from where pip reads it."""
    home = Path.home()
    settings = configparser.RawConfigParser(strict=False)
    settings.read(
        [
            "/etc/pip.conf",
            "/Library/Application Support/pip/pip.conf",
            home / ".pip/pip.conf",
            home / "Library/Application Support/pip/pip.conf",
            Path(os.environ.get("XDG_CONFIG_HOME", home / ".config"), "pip/pip.conf"),
            os.environ.get("PIP_CONFIG_FILE", ""),
        ],
        encoding="utf-8",
    )
    named = settings.get("global", "index-url", fallback=None)
    return os.environ.get("PIP_INDEX_URL") or settings.get("install", "index-url", fallback=named)


def link_on_page(page: str, name: str) -> str:
    text = fetch(page).decode("utf-8", "replace")
    link = re.search(f'href="([^"]*{re.escape(name)}[^"]*)"', text)
    if link is None:
        raise WrongFile(name)
    return urllib.parse.urljoin(page, html.unescape(link[1]))


def fetch(url: str) -> bytes:
    # A bare Debian has no certificates either. The pinned hash decides whether the file is the right one.
    context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
    if not context.cert_store_stats()["x509_ca"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    with urllib.request.urlopen(url, timeout=30, context=context) as answer:  # noqa: S310  # from the lock or pip's settings
        return bytes(answer.read())
