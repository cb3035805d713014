# SPDX-License-Identifier: Apache-2.0
"""What the clients of other makers find: a server with a bucket, a table, a log and metrics, and a
profile that gives them sessions."""
import json
import os
import ssl
import subprocess
import time
import urllib.request

from conftest import SLUICE, Server

BUCKET, TABLE, GROUP, NAMESPACE = "clients", "Readings", "/clients", "Clients"


class World:
    def __init__(self, directory):
        self.server = Server(directory).start()
        self.url = self.server.endpoint["endpoint"]
        self.config = directory / "aws config"
        # AWS CLI User Guide, "Sourcing credentials with an external process". ca_bundle is
        # understood by boto3 and the AWS CLI.
        self.config.write_text(
            "[profile sluice]\nregion = us-east-1\noutput = json\n"
            f"ca_bundle = {self.server.endpoint['ca_file']}\n"
            f'credential_process = "{SLUICE}" credentials --data-dir "{self.server.data_dir}"\n'
        )
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "AWS_PROFILE": "sluice",
            "AWS_CONFIG_FILE": str(self.config),
            "AWS_SHARED_CREDENTIALS_FILE": str(directory / "none"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "LC_ALL": "C.UTF-8",
        }
        self.fill()

    def fill(self):
        self.server.client("s3").create_bucket(Bucket=BUCKET)
        dynamodb = self.server.client("dynamodb")
        names = [("device_id", "HASH"), ("timestamp", "RANGE")]
        dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": n, "KeyType": k} for n, k in names],
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n, _ in names],
        )
        for device, hour, value in (("pump", 1, "2.50"), ("pump", 2, "1e3"), ("fan", 1, "7")):
            dynamodb.put_item(
                TableName=TABLE,
                Item={
                    "device_id": {"S": device},
                    "timestamp": {"S": f"2026-01-01T0{hour}:00:00Z"},
                    "value": {"N": value},
                },
            )
        logs, now = self.server.client("logs"), int(time.time() * 1000)
        logs.create_log_group(logGroupName=GROUP)
        logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
        logs.put_log_events(
            logGroupName=GROUP,
            logStreamName="s",
            logEvents=[
                {"timestamp": now, "message": json.dumps({"level": level, "text": text})}
                for level, text in (("info", "fine"), ("error", "broken"))
            ],
        )
        self.server.client("cloudwatch").put_metric_data(
            Namespace=NAMESPACE,
            MetricData=[{"MetricName": "Given", "Values": [1, 2, 3], "Unit": "Count"}],
        )

    def run(self, *command, **environment):
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            timeout=120,
            env=self.environment | environment,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def fetch(self, url):
        """The way of somebody who has nothing but the URL and trusts the server's CA."""
        with urllib.request.urlopen(
            url, context=ssl.create_default_context(cafile=self.server.endpoint["ca_file"])
        ) as answer:
            return answer.read()
