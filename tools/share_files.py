"""Writes what the wheel brings to share/ of its environment: the man page and the completions. `make docs` does it too.

They stand in the repository, so that a build needs neither this program nor its dependencies; a test compares.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools import completions, man_page

from hems_data_collector import language
from hems_data_collector.cli.completion import SCRIPTS, SHARE
from hems_data_collector.cli.messages import PROGRAM

MAN: Final = SHARE / "man"
PAGES: Final = {
    code: MAN / ("" if code == language.ENGLISH else code) / "man1" / f"{PROGRAM}.1" for code in language.LANGUAGES
}
"""Where man(1) looks for the page in each language."""


def files() -> Mapping[Path, str]:
    """Every file with its content."""
    pages = {path: man_page.page(code) for code, path in PAGES.items()}
    scripts = completions.scripts()
    return {**pages, **{path: scripts[shell] for shell, path in SCRIPTS.items()}}


def main() -> int:
    """Write what is not as it should be, and name it."""
    for path, text in files().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
