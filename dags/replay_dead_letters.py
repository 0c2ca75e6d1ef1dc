"""The Airflow DAG with which people mend dead letters: its form chooses them, the flows concerned run at once."""

from datetime import timedelta

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG

from operators.replay import REPLAY_PARAMS, ReplayOperator

with DAG(
    "replay_dead_letters",
    description="Correct, replay or discard records that could not go on.",
    schedule=None,
    params=REPLAY_PARAMS,
    default_args={"execution_timeout": timedelta(hours=1)},
    tags=["ledgerbridge"],
    is_paused_upon_creation=False,
) as dag:
    replay = ReplayOperator(task_id="replay")
    TriggerDagRunOperator.partial(task_id="run_flows").expand_kwargs(replay.output)
