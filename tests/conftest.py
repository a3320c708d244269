"""The order of the tests."""

from collections import defaultdict

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests come first, so that none of them is left for one core at the end."""
    ranks: dict[str, int] = defaultdict(int)
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        ranks[item.location[0]] += 1000 * ("site" in marks) + ("slow" in marks)
    items.sort(key=lambda item: -ranks[item.location[0]])
