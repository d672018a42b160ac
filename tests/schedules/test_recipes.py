"""The recipes that need no orchestrator: each is read as its scheduler reads it, and its command run as it stands."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import RawConfigParser
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from flexprice_emulator import Emulator, Fault
from flexprice_wallets.errors import ExitCode
from tests.schedules.recipes import RECIPES, Place, another_run

#: Exit codes after which trying again helps nobody.
NOT_AGAIN = {ExitCode.WRONG_USE, ExitCode.PARTIAL, ExitCode.ACCESS_REFUSED}
README = (RECIPES / "README.md").read_text(encoding="utf-8")


def partial(emulator: Emulator) -> None:
    emulator.faults.add(Fault("redirect", key=emulator.world.published_customer_ids()[0]))


def loaded(place: Place, database: Path) -> bool:
    """Whether a warehouse has just been loaded completely."""
    ended = place.run("flexprice-wallets", "status", "--database", str(database), "--max-age", "1h")
    return ended.code == 0


# --- all ---


def test_the_readme_links_every_recipe_and_nothing_else() -> None:
    files = {file.name for file in RECIPES.iterdir() if file.is_file()} - {"README.md"}
    assert set(re.findall(r"\]\(([^)]+)\)", README)) == files


def test_the_readme_says_what_comes_of_every_exit_code() -> None:
    cells = [line.split("|")[1] for line in README.splitlines() if re.match(r"\| \d", line)]
    named = {int(code) for cell in cells for code in re.findall(r"\d+", cell)}
    assert named == {code for code in ExitCode if code < ExitCode.INTERRUPTED}


@pytest.mark.parametrize("name", [file.name for file in sorted(RECIPES.iterdir())])
def test_a_recipe_is_read_at_a_glance(name: str) -> None:
    assert len((RECIPES / name).read_text(encoding="utf-8").splitlines()) <= 90


# --- systemd ---


def unit(name: str) -> RawConfigParser:
    parser = RawConfigParser(delimiters=("=",), strict=True, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((RECIPES / name).read_text(encoding="utf-8"))
    return parser


def test_systemd_takes_the_units(place: Place, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    [program, *_] = unit("flexprice-wallets.service")["Service"]["ExecStart"].split()
    units = [tmp_path / f"flexprice-wallets.{kind}" for kind in ("service", "timer")]
    for file in units:
        text = (RECIPES / file.name).read_text(encoding="utf-8")
        file.write_text(text.replace(program, str(place.program)))
    verify: list[str | Path] = [
        "systemd-analyze",
        "verify",
        "--man=no",
        "--recursive-errors=no",
        *units,
    ]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "flexprice" in line]
    assert (done.returncode, ours) == (0, [])


def test_the_systemd_timer_fires_every_night() -> None:
    timer = unit("flexprice-wallets.timer")
    assert timer["Install"]["WantedBy"] == "timers.target"
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    calendar = ["systemd-analyze", "calendar", "--iterations=3", timer["Timer"]["OnCalendar"]]
    said = subprocess.run(
        calendar, capture_output=True, text=True, check=True, env={"TZ": "UTC", "PATH": "/usr/bin"}
    ).stdout
    times = re.findall(r"(?:elapse|#\d+): \w+ (\S+) (\S+) UTC", said)
    days = [date.fromisoformat(day) for day, _ in times]
    assert [later - day for day, later in pairwise(days)] == [timedelta(days=1)] * 2
    assert {time for _, time in times} == {"02:15:00"}


def test_the_systemd_service_goes_by_the_exit_code() -> None:
    service = unit("flexprice-wallets.service")["Service"]

    def codes(name: str) -> set[int]:
        return set(map(int, service[name].split()))

    assert codes("RestartPreventExitStatus") == NOT_AGAIN
    assert codes("SuccessExitStatus") == {ExitCode.ANOTHER_RUN, ExitCode.TERMINATED}
    assert (service["Type"], service["Restart"]) == ("oneshot", "on-failure")


def test_the_command_of_the_systemd_service(place: Place) -> None:
    service = unit("flexprice-wallets.service")["Service"]
    program, *arguments = service["ExecStart"].split()
    assert Path(program).name == place.program.name
    ended = place.run(str(place.program), *arguments)
    assert ended.code == 0, ended.err
    assert loaded(place, place.folder / "warehouse.duckdb")


# --- cron ---


def cron_lines() -> list[str]:
    """The commands, in order; each line must be what cron reads."""
    commands = []
    for line in (RECIPES / "crontab").read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or re.fullmatch(r"[A-Z]+=\S+", line):
            continue
        match = re.fullmatch(r"\d+ \d+ \* \* \* (.*)", line)
        assert match, line
        assert "%" not in match[1], "cron takes % for a line end"
        commands.append(match[1])
    return commands


@pytest.fixture
def cron(place: Place) -> Path:
    """The folder that the lines work in, with the key."""
    folder = place.folder / "flexprice"
    folder.mkdir()
    key = place.variables.pop("FLEXPRICE_API_KEY")
    (folder / "key.env").write_text(f"export FLEXPRICE_API_KEY={key}\n")
    return folder


@pytest.mark.slow
def test_cron_mails_only_what_a_person_should_see(
    place: Place, cron: Path, emulator: Emulator
) -> None:
    load, monitor = cron_lines()

    def mail(command: str) -> str:
        ended = place.run("/bin/sh", "-c", command)
        return ended.out + ended.err

    assert "no such file" in mail(monitor).lower() or "does not exist" in mail(monitor)
    with another_run(cron / "warehouse.duckdb"):
        assert mail(load) == ""
    partial(emulator)
    assert "Partial: 1 customers could not be read" in mail(load)
    assert "there is no complete snapshot yet" in mail(monitor).lower()
    emulator.faults.clear()
    assert mail(load) == ""
    assert mail(monitor) == ""
    assert loaded(place, cron / "warehouse.duckdb")
    (cron / "key.env").write_text("export FLEXPRICE_API_KEY=sk_wrong\n")
    assert "refused" in mail(load)
    (cron / "key.env").unlink()
    assert "key.env" in mail(load)


# --- Kubernetes ---


@pytest.fixture
def pod() -> dict[str, Any]:
    return dict(cron_job()["jobTemplate"]["spec"]["template"]["spec"])


def cron_job() -> dict[str, Any]:
    manifest = yaml.safe_load((RECIPES / "kubernetes-cronjob.yaml").read_text(encoding="utf-8"))
    assert (manifest["apiVersion"], manifest["kind"]) == ("batch/v1", "CronJob")
    return dict(manifest["spec"])


def test_the_cron_job_goes_by_the_exit_code(pod: dict[str, Any]) -> None:
    spec = cron_job()
    assert re.fullmatch(r"\d+ \d+ \* \* \*", spec["schedule"])
    assert spec["concurrencyPolicy"] == "Forbid"
    [container] = pod["containers"]
    rules = spec["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    [fail] = [rule["onExitCodes"] for rule in rules if rule["action"] == "FailJob"]
    assert fail["containerName"] == container["name"]
    assert set(fail["values"]) == NOT_AGAIN
    # Kubernetes takes a podFailurePolicy with nothing else.
    assert pod["restartPolicy"] == "Never"


def test_the_cron_job_keeps_the_warehouse_on_its_volume(pod: dict[str, Any]) -> None:
    [container] = pod["containers"]
    [mount] = container["volumeMounts"]
    [volume] = pod["volumes"]
    assert mount["name"] == volume["name"]
    variables = {each["name"]: each.get("value", "") for each in container["env"]}
    assert Path(variables["FLEXPRICE_DATABASE"]).parent == Path(mount["mountPath"])
    assert variables["HOME"] == mount["mountPath"]


def test_the_command_of_the_cron_job(pod: dict[str, Any], place: Place) -> None:
    [container] = pod["containers"]
    given = {each["name"]: each["value"] for each in container["env"] if "value" in each}
    by_secret = {each["name"] for each in container["env"] if "valueFrom" in each}
    assert by_secret == {"FLEXPRICE_API_KEY"}
    [mount] = container["volumeMounts"]
    here = {
        name: re.sub(f"^{mount['mountPath']}", str(place.folder), value)
        for name, value in given.items()
    }
    ended = place.run(*container["command"], **here)
    assert ended.code == 0, ended.err
    assert loaded(place, Path(here["FLEXPRICE_DATABASE"]))


# --- GitHub Actions ---


@pytest.fixture
def job() -> dict[str, Any]:
    workflow = yaml.safe_load((RECIPES / "github-actions.yml").read_text(encoding="utf-8"))
    # YAML 1.1 reads `on` as true; GitHub does not.
    assert set(workflow[True]) == {"schedule", "workflow_dispatch"}
    assert workflow["concurrency"]["group"]
    return dict(workflow["jobs"]["load"])


@pytest.mark.slow
def test_the_steps_of_the_workflow(
    job: dict[str, Any], place: Place, tmp_path: Path, emulator: Emulator
) -> None:
    load, check = job["steps"]
    assert load["env"] == {"FLEXPRICE_API_KEY": "${{ secrets.FLEXPRICE_API_KEY }}"}
    database = tmp_path / Path(job["env"]["FLEXPRICE_DATABASE"]).name
    key = place.variables.pop("FLEXPRICE_API_KEY")

    def step(which: dict[str, Any], key: str = key) -> tuple[int, str]:
        # As GitHub runs a step that names no shell.
        script = tmp_path / "step.sh"
        script.write_text(which["run"])
        variables = {"FLEXPRICE_API_KEY": key} if "env" in which else {}
        ended = place.run("bash", "-e", str(script), FLEXPRICE_DATABASE=str(database), **variables)
        return ended.code, "".join(re.findall(r"^::(\w+)::", ended.out, re.MULTILINE))

    partial(emulator)
    assert step(load) == (0, "warning")
    assert step(check) == (1, "")
    emulator.faults.clear()
    assert step(load) == (0, "")
    assert step(check) == (0, "")
    with another_run(database):
        assert step(load) == (0, "notice")
    assert step(load, key="sk_wrong") == (ExitCode.ACCESS_REFUSED, "")
