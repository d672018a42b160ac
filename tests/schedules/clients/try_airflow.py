"""Runs the DAG of a recipe once or several times for the same moment, and prints what became of each as JSON.

Arguments: the DAG's file, the moment in ISO-8601, and how many runs.
"""

import json
import sys
from datetime import datetime
from importlib.util import module_from_spec, spec_from_file_location

from airflow.models.asset import AssetEvent
from airflow.utils.session import create_session
from sqlalchemy import select


def main(file, moment, runs):
    """Print the state, the tries and the asset's events of the load after each run."""
    spec = spec_from_file_location("recipe", file)
    recipe = module_from_spec(spec)
    spec.loader.exec_module(recipe)
    dag = recipe.flexprice_wallets()
    load = dag.get_task("load")
    at = datetime.fromisoformat(moment)
    answers = []
    for _ in range(int(runs)):
        run = dag.test(run_after=at, logical_date=at)
        [task] = run.get_task_instances()
        with create_session() as session:
            extras = [event.extra for event in session.scalars(select(AssetEvent))]
        answers.append({"state": task.state, "tries": task.try_number, "events": extras})
    configured = {
        "retries": load.retries,
        "runs at once": dag.max_active_runs,
        "catchup": dag.catchup,
        "outlets": [asset.name for asset in load.outlets],
    }
    print(json.dumps({"answers": answers, "configured": configured}))


main(*sys.argv[1:])
