"""The documentation says what the code does: commands, keys, options, file tree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import docs_tables

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("page", docs_tables.PAGES, ids=lambda page: page.name)
def test_the_tables_of_a_page_are_those_of_the_code(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert docs_tables.filled(text) == text, "run: python -m tests.docs_tables"


def test_the_option_table_is_that_of_the_code() -> None:
    text = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    assert docs_tables.options() == text, "run: python -m tests.docs_tables"


def test_every_file_and_picture_the_documents_name_is_there() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_no_path_of_a_machine_in_any_document() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]:
        assert not re.search(r"(?<![\w.~-])/(home|root|work|Users|tmp)/", page.read_text(encoding="utf-8")), page.name
