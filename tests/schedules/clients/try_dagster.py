"""Runs the asset and the checks of a recipe once or several times for the same moment, and prints what became of them.

Arguments: the file with the definitions, the moment in ISO-8601, and how many runs.
"""

import json
import logging
import sys
from datetime import datetime
from importlib.util import module_from_spec, spec_from_file_location

import dagster as dg


def answer(result, instance):
    """What a run left behind, as plain values."""
    materialized = [
        {name: value.value for name, value in event.materialization.metadata.items()}
        for event in result.get_asset_materialization_events()
    ]
    checks = {
        each.check_name: {"passed": each.passed, "description": each.description}
        for each in result.get_asset_check_evaluations()
    }
    records = instance.all_logs(result.run_id)
    return {
        "success": result.success,
        "materialized": materialized,
        "checks": checks,
        "tries": 1 + len([record for record in records if _is_retry(record)]),
        "warnings": [record.user_message for record in records if record.level == logging.WARNING],
    }


def _is_retry(record):
    if not record.is_dagster_event:
        return False
    return record.get_dagster_event().event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY


def main(file, moment, runs):
    """Print the answers of all runs and how the recipe is scheduled."""
    spec = spec_from_file_location("recipe", file)
    recipe = module_from_spec(spec)
    spec.loader.exec_module(recipe)
    repository = recipe.defs.get_repository_def()
    instance = dg.DagsterInstance.get()
    with instance:
        context = dg.build_schedule_context(
            instance, scheduled_execution_time=datetime.fromisoformat(moment)
        )
        [request] = repository.get_schedule_def("every_night").evaluate_tick(context).run_requests
        job = repository.get_job("nightly")
        answers = [
            answer(
                job.execute_in_process(instance=instance, tags=request.tags, raise_on_error=False),
                instance,
            )
            for _ in range(int(runs))
        ]
    print(json.dumps({"answers": answers}))


main(*sys.argv[1:])
