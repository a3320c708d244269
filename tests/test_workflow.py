"""The workflow that GitHub runs: it is well-formed, and calls the two commands of the README."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "book.yml"


def lint(path: Path) -> subprocess.CompletedProcess[str]:
    """Hold a workflow to GitHub's schema, a copy of which comes with the linter."""
    linter = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema"]
    return subprocess.run(
        [*linter, "vendor.github-workflows", path], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def jobs() -> dict[str, dict]:
    return yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]


@pytest.fixture(scope="module")
def steps(jobs) -> list[dict]:
    return [step for job in jobs.values() for step in job["steps"]]


def test_the_workflow_keeps_to_the_schema():
    done = lint(WORKFLOW)
    assert done.returncode == 0, done.stdout


def test_a_misspelt_key_is_seen(tmp_path):
    wrong = tmp_path / "book.yml"
    text = WORKFLOW.read_text(encoding="utf-8")
    wrong.write_text(text.replace("runs-on:", "run-on:"), encoding="utf-8")
    done = lint(wrong)
    assert done.returncode == 1
    assert "'runs-on' is a required property" in done.stdout


def test_it_calls_the_two_commands_and_they_exist(jobs):
    made = [step["run"] for step in jobs["book"]["steps"] if "make " in step.get("run", "")]
    assert made == ["make test", "make book"]
    for command in made:
        subprocess.run([*command.split(), "--dry-run"], cwd=ROOT, check=True, capture_output=True)


def test_its_python_is_one_that_the_package_supports(jobs):
    (version,) = re.findall(r"^python:([\d.]+)-", jobs["book"]["container"])
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    supported = Requirement(f"python{tomllib.loads(text)['project']['requires-python']}").specifier
    assert supported.contains(f"{version}.0")
    assert f"python{version}-" in cached(jobs)["key"]


def cached(jobs: dict[str, dict]) -> dict[str, str]:
    """What the step that keeps the environment is told."""
    (step,) = [one for one in jobs["book"]["steps"] if "/cache@" in one.get("uses", "")]
    return step["with"]


def test_the_environment_is_kept_for_as_long_as_its_versions_stay(jobs):
    assert cached(jobs)["path"] == ".venv"
    named = re.findall(r"'(.*?)'", cached(jobs)["key"])
    assert named == ["requirements.lock", "pyproject.toml"]
    assert all((ROOT / name).is_file() for name in named)


def test_actions_are_pinned_by_their_major_version(steps):
    used = [step["uses"] for step in steps if "uses" in step]
    assert used
    assert [one for one in used if not re.fullmatch(r"actions/[\w-]+@v\d+", one)] == []


def test_the_site_is_published_from_main_once_its_checks_pass(jobs):
    assert jobs["publish"]["needs"] == "book"
    assert jobs["publish"]["if"].endswith("github.ref == 'refs/heads/main'")
    assert jobs["book"]["steps"][-1]["with"]["path"] == "_build/html"
