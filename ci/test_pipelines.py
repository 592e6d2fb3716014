"""The files of ci/ for GitHub and GitLab do their work: every command in them is run here, on a
firmware repository with a settings store and a fault in it."""

import re

import pytest

from ci.repository import break_store, make_firmware
from ci.pipeline import GitHub, GitLab, Service

NEW = re.compile(r"^nightly-1: \d+ NEW", re.MULTILINE)
EXPRESSIONS = {
    "inputs.time || '1h'": "0.5s",
    "github.run_id": 1001,
    "github.run_attempt": 1,
    "github.event.number": 7,
}


@pytest.fixture
def service(root, plain, tmp_path):
    """A firmware repository, and what a CI system keeps for it."""
    make_firmware(tmp_path / "firmware", root)
    return Service(tmp_path / "service", root, plain, tmp_path / "firmware")


def content(root, name):
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    return yaml.safe_load((root / "ci" / name).read_text())


# --- GitHub ---


def github(service, root, name, number):
    known = {**EXPRESSIONS, "github.run_number": number}
    return GitHub(service, content(root, f"github/{name}.yml"), known)


def night_at_github(service, root, number):
    """(its shards, its report) of the nightly."""
    service.new_run()
    workflow = github(service, root, "nightly", number)
    return workflow.run_job("shard"), workflow.run_job("report")[0]


def test_github_is_red_for_what_is_new_and_then_for_nothing(service, root):
    break_store(service.firmware)
    shards, report = night_at_github(service, root, 1)
    assert any(shard.red for shard in shards)
    assert report.codes[-1] == 1 and NEW.search(report.output), report.output
    assert {it["baselineState"] for it in service.scanned} == {"new"}
    summary = (report.work / "summary.md").read_text()
    assert summary.startswith("# Brownout: nightly-1:") and "brownout replay" in summary
    shards, report = night_at_github(service, root, 2)
    assert not report.red and not any(shard.red for shard in shards), report.output
    assert "nightly-2: nothing new" in report.output
    assert "unchanged" in {it["baselineState"] for it in service.scanned}
    # And the pull request after it explores nothing again.
    service.new_run()
    request = github(service, root, "pull-request", 3).run_job("changed")[0]
    assert not request.red, request.output
    assert "before with the same build" in request.output
    assert "0 crash states judged" in request.output


# --- GitLab ---


def gitlab(service, root, pipeline):
    variables = {
        "BROWNOUT_TIME": "0.5s",
        "CI_PIPELINE_IID": str(pipeline),
        "CI_MERGE_REQUEST_IID": "9",
    }
    return GitLab(service, content(root, "gitlab-ci.yml"), variables)


def test_gitlab_is_red_for_what_is_new_and_a_merge_request_for_nothing(service, root):
    break_store(service.firmware)
    night = gitlab(service, root, 1)
    shards = night.run_job("brownout-nightly")
    assert any(shard.red for shard in shards)
    report = night.run_job("brownout-report")[0]
    assert report.red and NEW.search(report.output), report.output
    assert "<failure" in (service.artifacts / "brownout-report/1/junit.xml").read_text()
    request = gitlab(service, root, 2).run_job("brownout-merge-request")[0]
    assert not request.red, request.output
    assert "0 crash states judged" in request.output


# --- what both share ---


def test_all_files_install_the_same_packages(root):
    names = ["github/nightly.yml", "github/pull-request.yml", "gitlab-ci.yml"]
    texts = [" ".join((root / "ci" / name).read_text().split()) for name in names]
    found = [re.findall(r"ca-certificates git .*? pkg-config", text) for text in texts]
    assert [len(it) for it in found] == [2, 1, 1]
    assert len(set(sum(found, []))) == 1
