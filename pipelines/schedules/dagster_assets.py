"""Load Flexprice wallets every night, with Dagster 1.13.

The environment holds FLEXPRICE_API_KEY and FLEXPRICE_DATABASE, and `flexprice-wallets` is on the path. The command runs
as a process of its own, so it may also be installed in an environment of its own.
"""

import json
import subprocess

import dagster as dg

ANOTHER_RUN, PARTIAL, FOR_A_PERSON = 5, 3, (2, 4)
AT = "flexprice_wallets/snapshot_at"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `flexprice-wallets` with these arguments."""
    return subprocess.run(
        ["flexprice-wallets", *arguments], capture_output=True, text=True, check=False
    )


@dg.asset(output_required=False, retry_policy=dg.RetryPolicy(max_retries=3, delay=900))
def flexprice_wallets(context: dg.AssetExecutionContext):
    """The warehouse of wallets; its metadata is the row of the last snapshot."""
    at = context.run.tags.get(AT)
    done = run("load", "--json", *(["--snapshot-at", at] if at else []))
    context.log.info(done.stderr)
    if done.returncode == ANOTHER_RUN:
        context.log.warning("Another run is at work on the warehouse: nothing was loaded.")
        return
    if done.returncode not in (0, PARTIAL):
        retry = done.returncode not in FOR_A_PERSON
        raise dg.Failure(f"Ended with {done.returncode}: {done.stderr}", allow_retries=retry)
    if done.returncode == PARTIAL:
        context.log.warning("The load is partial; the next one catches up.")
    yield dg.MaterializeResult(metadata=json.loads(done.stdout.splitlines()[-1]))


def check(name: str, *options: str) -> dg.AssetChecksDefinition:
    """A check that fails where `status` with these options ends with 1."""

    @dg.asset_check(asset=flexprice_wallets, name=name)
    def checked():
        done = run("status", "--json", *options)
        # Passed, and said: a warehouse without a ledger has nothing to compare with.
        if done.returncode not in (0, 1) and "ledger_reconciliation" not in done.stderr:
            raise dg.Failure(done.stderr)
        return dg.AssetCheckResult(
            passed=done.returncode != 1,
            description=done.stderr or None,
            metadata=json.loads(done.stdout or "{}"),
        )

    return checked


CHECKS = [
    check("complete", "--fail-on", "failed,rejected"),
    check("fresh", "--max-age", "26h"),
    check("reconciled", "--fail-on", "differs"),
]
nightly = dg.define_asset_job("nightly", [flexprice_wallets])


# A run that is repeated keeps its tag: after a success it succeeds.
@dg.schedule(job=nightly, cron_schedule="15 2 * * *", execution_timezone="UTC")
def every_night(context: dg.ScheduleEvaluationContext):
    """One run a night, for the time that it was scheduled for."""
    at = context.scheduled_execution_time.isoformat()
    return dg.RunRequest(run_key=at, tags={AT: at})


defs = dg.Definitions([flexprice_wallets], asset_checks=CHECKS, schedules=[every_night])
