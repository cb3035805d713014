# SPDX-License-Identifier: Apache-2.0
"""docs/operations.md says what the program routes by."""
import importlib.util

from conftest import ROOT, SLUICE


def test_the_page_is_that_of_the_table():
    spec = importlib.util.spec_from_file_location("operations", ROOT / "tools" / "operations.py")
    operations = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(operations)
    assert (ROOT / "docs" / "operations.md").read_text() == operations.document(
        operations.table(SLUICE.parent)
    ), "run tools/operations.py"
