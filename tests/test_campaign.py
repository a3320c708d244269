"""The campaign of attacks in its short form, and the record of its long one."""

import json
import random
from pathlib import Path

import pytest

from infovae_core.report import tested
from infovae_core.study.store import StoreError
from tests.campaign import corruptions, disks, kills, quick, wrong_calls

SHORT = [
    (corruptions.attack, 25),
    (wrong_calls.attack, 30),
    (disks.attack, 2),
    (kills.local, 2),
]


@pytest.mark.parametrize(("attack", "count"), SHORT)
def test_an_attack_loses_nothing_and_is_answered_in_words(attack, count, tmp_path):
    with quick():
        found = attack(random.Random(1), count, tmp_path)
    assert found.cases == count
    assert found.notes == []


def test_the_stored_campaign_lost_nothing():
    record = tested.require()
    found = tested.findings(record)
    assert (found["lost"], found["silent"], found["tracebacks"]) == (0, 0, 0)
    assert found["cases"] == sum(one["cases"] for one in record["attacks"].values()) > 0
    assert "+" not in found["commits"]  # It was made from a committed state.


def test_a_record_that_is_missing_or_damaged_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("INFOVAE_RESULTS", str(tmp_path))
    for content in (None, "", "[]", json.dumps({"attacks": {}})):
        if content is not None:
            Path(tested.path()).parent.mkdir(exist_ok=True)
            tested.path().write_text(content)
        with pytest.raises(StoreError, match=r"no sound record of the campaign.*make campaign"):
            tested.require()
