"""pipeline - runs the jobs of ci/*.yml here, as far as a machine without their services can.

What a job types is run, word for word, by bash in a folder that holds a small firmware repository;
its variables and expressions have the values that the service would give. Actions, caches and
artifacts are folders that are copied. Two commands stand in for the machine: `apt-get` does
nothing, and `make` in brownout/ installs what is built already. Whatever is not known here (an
action, an expression) is an error, so that nothing is left out in silence.
"""

import contextlib
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
MAKE = """#!/bin/bash
case $1$2 in
-Cbrownout) exec {make} -o '{built}' BUILD='{folder}' "$@" ;;
*) exec {make} "$@" ;;
esac
"""
# Conditions under which a step is run after one that failed.
AFTER_ALL = ("${{ always() }}", "${{ !cancelled() }}")
# How long a step explores here, and how many shards there are, whatever the file says.
TIME = re.compile(r"--time \d+[smh]")
SECONDS, SHARDS = 0.5, 2


@dataclass
class Done:
    """How a job went: the exit code of each command that was run, and all that was printed."""

    codes: list = field(default_factory=list)
    output: str = ""
    work: Path = None

    @property
    def red(self):
        """Whether the service would show it red."""
        return any(self.codes)


class Service:
    """What lives longer than a job: the cache, and the artifacts of a run."""

    def __init__(self, folder, root, plain, firmware):
        self.folder, self.firmware, self.root = folder, firmware, root
        self.cache, self.artifacts = folder / "cache", folder / "artifacts"
        self.jobs = 0
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        self.stub("apt-get", "#!/bin/bash\n")
        (self.bin / "python3").symlink_to(os.path.realpath(sys.executable))  # no version manager
        where = {"make": shutil.which("make"), "built": plain, "folder": plain.parent}
        self.stub("make", MAKE.format(**where))

    def stub(self, name, text):
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def workspace(self):
        """A new checkout."""
        self.jobs += 1
        work = self.folder / f"job-{self.jobs}"
        shutil.copytree(self.firmware, work)
        (work / "brownout").symlink_to(self.root)
        return work

    def restore(self, work, name):
        """The cache as it was saved last."""
        if self.cache.exists():
            shutil.copytree(self.cache, work / name, dirs_exist_ok=True)

    def save(self, work, name):
        """Keeps a folder for later runs."""
        shutil.rmtree(self.cache, ignore_errors=True)
        if (work / name).exists():
            shutil.copytree(work / name, self.cache)

    def new_run(self):
        """Artifacts belong to one run."""
        shutil.rmtree(self.artifacts, ignore_errors=True)

    def shell(self, work, script, variables, done):
        """Runs what a step types."""
        script = TIME.sub(f"--time {SECONDS}s", script)
        path = f"{self.bin}:{variables.pop('PATH', '')}:{os.environ['PATH']}"
        environment = {"HOME": str(work), "PATH": path, **variables}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        ran = subprocess.run(command, cwd=work, env=environment, timeout=120, **pipes)
        done.codes.append(ran.returncode)
        done.output += ran.stdout


# --- GitHub ---


class GitHub:
    """Runs the jobs of a workflow."""

    def __init__(self, service, workflow, expressions):
        self.service, self.workflow, self.known = service, workflow, expressions

    def filled(self, text, more=()):
        """A text with its expressions replaced."""
        known = {**self.known, **dict(more)}
        return EXPRESSION.sub(lambda match: str(known[match[1]]), str(text))

    def run_job(self, name):
        """All parts of the matrix of a job, one after the other."""
        job = self.workflow["jobs"][name]
        shards = len(job.get("strategy", {}).get("matrix", {}).get("shard", [0]))
        assert self.workflow["defaults"]["run"]["shell"] == "bash"
        assert job["container"] == "debian:12"
        total = min(shards, SHARDS)
        return [self.run_part(job, index, total) for index in range(total)]

    def run_part(self, job, index, total):
        more = {"strategy.job-index": index, "strategy.job-total": total}
        work = self.service.workspace()
        done = Done(work=work)
        (work / "path").touch()
        for step in job["steps"]:
            if done.red and step.get("if") not in AFTER_ALL:
                continue
            if "run" in step:
                self.run_step(work, step, more, done)
            else:
                self.use(work, step, more)
        return done

    def run_step(self, work, step, more, done):
        given = {**self.workflow.get("env", {}), **step.get("env", {})}
        variables = {key: self.filled(value, more) for key, value in given.items()}
        variables["GITHUB_PATH"] = str(work / "path")
        variables["GITHUB_STEP_SUMMARY"] = str(work / "summary.md")
        variables["PATH"] = ":".join((work / "path").read_text().split())
        self.service.shell(work, self.filled(step["run"], more), variables, done)

    def use(self, work, step, more):
        """What an action does, as far as files see it."""
        name, version = step["uses"].split("@")
        given = {key: self.filled(it, more) for key, it in step.get("with", {}).items()}
        assert re.fullmatch(r"v\d+", version)
        service = self.service
        if name == "actions/checkout":
            assert given == {"submodules": "True"}
        elif name == "actions/cache/restore":
            assert given["key"].startswith(given["restore-keys"])
            service.restore(work, given["path"])
        elif name == "actions/cache/save":
            service.save(work, given["path"])
        elif name == "actions/upload-artifact":
            with contextlib.suppress(FileNotFoundError):
                shutil.copytree(work / given["path"], service.artifacts / given["name"])
        elif name == "actions/download-artifact":
            for path in sorted(service.artifacts.iterdir()):
                if fnmatch.fnmatch(path.name, given["pattern"]):
                    shutil.copytree(path, work / given["path"] / path.name)
        elif name == "github/codeql-action/upload-sarif":
            sarif = json.loads((work / given["sarif_file"]).read_text())
            service.scanned = sarif["runs"][0]["results"]
        else:
            raise AssertionError(f"no such action is known here: {name}")


# --- GitLab ---


def extended(jobs, name):
    """A job with what it extends, as GitLab merges it."""

    def joined(one, other):
        both = {**one, **other}
        for key in one.keys() & other.keys():
            if isinstance(one[key], dict) and isinstance(other[key], dict):
                both[key] = joined(one[key], other[key])
        return both

    job = jobs[name]
    before = job.get("extends", [])
    whole = {}
    for it in [before] if isinstance(before, str) else before:
        whole = joined(whole, extended(jobs, it))
    return joined(whole, job)


class GitLab:
    """Runs jobs of a file of GitLab."""

    def __init__(self, service, jobs, variables):
        self.service, self.jobs, self.variables = service, jobs, variables

    def run_job(self, name):
        """All parts of a job, one after the other."""
        job = extended(self.jobs, name)
        total = min(job.get("parallel", 1), SHARDS)
        assert job["image"] == "debian:12"
        return [self.run_part(name, job, index + 1, total) for index in range(total)]

    def run_part(self, name, job, index, total):
        service, work = self.service, self.service.workspace()
        done = Done(work=work)
        service.restore(work, job["cache"]["paths"][0])
        for needed in job.get("needs", []):
            for path in (service.artifacts / needed).iterdir():
                shutil.copytree(path, work, dirs_exist_ok=True)
        variables = {**self.jobs["variables"], **self.variables}
        variables.update({"CI_NODE_INDEX": str(index), "CI_NODE_TOTAL": str(total)})
        # Both parts run in one shell, so that what the first exports is there in the second.
        service.shell(work, "\n".join(job["before_script"] + job["script"]), variables, done)
        if job["cache"]["policy"] == "pull-push":
            assert job["cache"]["when"] == "always"
            service.save(work, job["cache"]["paths"][0])
        self.keep(work, job["artifacts"], service.artifacts / name / str(index))
        return done

    def keep(self, work, artifacts, folder):
        assert artifacts["when"] == "always"
        for pattern in artifacts["paths"]:
            for path in work.glob(pattern):
                shutil.copytree(path, folder / path.name)
        for path in artifacts.get("reports", {}).values():
            shutil.copy(work / path, folder)
