"""A Spark session that does what its standard input says, line by line, and answers each line with one.

Runs in an environment that holds pyspark, on loopback only:
`python spark_session.py FOLDER JAR,JAR ZONE`; a line is `{"statement": …, "answer": file}`, both as JSON, and the rows
go to that file in Arrow's format. The answer is `null`, or what went wrong.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession


def session(folder: Path, jars: str, zone: str) -> SparkSession:
    settings = {
        "spark.jars": jars,
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": zone,
        "spark.sql.warehouse.dir": str(folder / "tables"),
        "spark.local.dir": str(folder / "scratch"),
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        # What is meant for a cluster, and for long runs, makes small tables slow.
        "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.adaptive.enabled": "false",
        "spark.databricks.delta.stats.skipping": "false",
        "spark.databricks.delta.snapshotPartitions": "1",
    }
    builder = SparkSession.builder.master("local[1]").appName("views")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def main() -> None:
    folder, jars, zone = sys.argv[1:]
    # Java writes its warnings to the standard output, too.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    spark = session(Path(folder), jars, zone)
    print(json.dumps(None), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        failure = None
        try:
            rows = spark.sql(asked["statement"])
            if rows.columns:
                table = rows.toArrow()
                with (
                    pa.OSFile(asked["answer"], "wb") as file,
                    pa.ipc.new_file(file, table.schema) as sink,
                ):
                    sink.write_table(table)
        except (PySparkException, Py4JError) as error:
            failure = str(error)
        print(json.dumps(failure), file=answers, flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
