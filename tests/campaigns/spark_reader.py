"""Runs in an environment that has pyspark (`tests.campaigns.spark`): reads as an analyst would and prints JSON. argv: what to read."""

import json
import sys
from typing import Any

import pyspark
from pyspark import SparkFiles
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f


def main() -> None:
    asked = json.loads(sys.argv[1])
    making = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    making = making.config("spark.sql.session.timeZone", "UTC").config(
        "spark.driver.bindAddress", "127.0.0.1"
    )
    making = making.config("spark.driver.host", "127.0.0.1")
    if asked["jar"]:
        making = making.config("spark.jars", asked["jar"])
    spark = making.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    spark.sparkContext.addFile(asked["link"])  # Spark fetches the signed link by itself
    name = asked["link"].split("?")[0].rsplit("/", 1)[1]
    view = spark.read.parquet("file://" + SparkFiles.get(name))
    file = spark.read.parquet("file://" + asked["file"])
    found: dict[str, Any] = {"spark": pyspark.__version__, "link": said(view), "file": said(file)}
    found["link"]["phones"] = [row[0] for row in view.select("contact_phone").collect()]
    found["joined"] = view.join(file, "venue_id").count()
    first = (
        view.where(f.col("venue_id") == "V1").select(f.date_format("seen_at", "yyyy-MM-dd'T'HH:mm")).first()
    )
    found["instant"] = first[0] if first else ""
    try:
        spark.read.parquet(asked["link"]).count()
        found["straight"] = "read"
    except Exception as fault:
        found["straight"] = f"{type(fault).__name__}: {fault}".splitlines()[0][:200]
    if asked["jar"]:
        found["delta"] = said(spark.read.format("deltaSharing").load(asked["table"]))
    spark.stop()
    sys.stdout.write("\n" + json.dumps(found, ensure_ascii=False))


def said(frame: DataFrame) -> dict[str, Any]:
    total = frame.agg(f.sum("rooms")).first()
    return {"rows": frame.count(), "columns": frame.columns, "rooms": total[0] if total else None}


main()
