# SPDX-License-Identifier: Apache-2.0
"""Kill the server at any instant of a delivery: no record is lost or doubled in the files, and the
chain of digests has no break."""
import concurrent.futures
import random
import signal
import threading

from conftest import SEED
from trails import Bucket, arn, hasty, make_trail, stop_trail

KILLS = 30
PAUSE_S = 0.015  # of a writer between two uploads, who would else take a processor for himself


def test_thirty_kills_during_delivery(tmp_path):
    server, dice = hasty(tmp_path, digest_interval_s=1), random.Random(SEED)
    server.client("s3").create_bucket(Bucket="load")
    make_trail(
        server,
        "killed",
        selectors={
            "EventSelectors": [
                {"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::load/"]}]}
            ]
        },
    )
    answered, begun = set(), set()
    for kill in range(KILLS):
        stop = threading.Event()

        def put(worker, kill=kill, stop=stop):
            client = server.client("s3", connect_timeout=5, read_timeout=5)
            for number in range(100000):
                if stop.wait(PAUSE_S):
                    return
                key = f"{kill}/{worker}/{number}"
                begun.add(key)
                try:
                    client.put_object(Bucket="load", Key=key, Body=b"x")
                except Exception:
                    return
                answered.add(key)

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            workers = [pool.submit(put, worker) for worker in range(2)]
            threading.Event().wait(dice.uniform(0.7, 1.6))  # around the instant of a delivery
            server.stop(signal.SIGKILL)
            stop.set()
            for worker in workers:
                worker.result()
        server.start()
    stop_trail(server, "killed")
    bucket = Bucket(server, "killed")
    records = bucket.records()
    assert len({r["eventID"] for r in records}) == len(records)  # none twice
    keys = [r["requestParameters"]["key"] for r in records if r["eventName"] == "PutObject"]
    assert (
        len(keys) == len(set(keys)) and answered <= set(keys) <= begun
    )  # a call whose answer the kill took may be there
    digests = bucket.digests()
    assert [d["previousDigestS3Object"] for d in digests] == [None] + [
        d["digestS3Object"] for d in digests[:-1]
    ]
    assert [d["digestStartTime"] for d in digests[1:]] == [d["digestEndTime"] for d in digests[:-1]]
    assert sorted(f["s3Object"] for d in digests for f in d["logFiles"]) == sorted(bucket.logs())
    server.stop()
    assert (
        f"clean: {len(digests)} digests, {len(bucket_logs(digests))} log files, "
        f"{len(records)} records" in server.run("verify", "--trail", arn("killed")).stdout
    )


def bucket_logs(digests):
    return [f for d in digests for f in d["logFiles"]]
