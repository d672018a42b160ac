"""Load Flexprice wallets every night, with Airflow 3.

The worker's environment holds FLEXPRICE_API_KEY and FLEXPRICE_DATABASE, and `flexprice-wallets` is on its path. The
command runs as a process of its own, so it may also be installed in an environment of its own.
"""

import json
import logging
import subprocess
from datetime import UTC, datetime, timedelta

from airflow.sdk import Asset, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

#: Other DAGs run after a load with `schedule=[Asset("flexprice_wallets")]`.
WALLETS = Asset("flexprice_wallets")
ANOTHER_RUN, PARTIAL, FOR_A_PERSON = 5, 3, (2, 4)


@task(outlets=[WALLETS], retries=3, retry_delay=timedelta(minutes=15))
def load():
    """Publish the snapshot of the run's own time, so that a task that is run again after it succeeded succeeds."""
    context = get_current_context()
    at = context["dag_run"].run_after.isoformat()
    command = ["flexprice-wallets", "load", "--json", "--snapshot-at", at]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode == ANOTHER_RUN:
        raise AirflowSkipException("Another run is at work on the warehouse.")
    if done.returncode in FOR_A_PERSON:
        raise AirflowFailException("Wrong configuration, or the key was refused: see the log.")
    if done.returncode not in (0, PARTIAL):
        raise RuntimeError(f"The load ended with {done.returncode}: see the log.")
    if done.returncode == PARTIAL:
        logging.getLogger(__name__).warning("The load is partial; the next one catches up.")
    context["outlet_events"][WALLETS].extra = json.loads(done.stdout.splitlines()[-1])


@dag(
    schedule="15 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
)
def flexprice_wallets():
    """One load at a time, and none for nights gone by: the API tells only what is so now."""
    load()


flexprice_wallets()
