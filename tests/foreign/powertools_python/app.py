# SPDX-License-Identifier: Apache-2.0
"""A handler as users of Powertools for AWS Lambda write it: logger, metrics, parser, batch."""
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.parser import BaseModel, event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="readings")
metrics = Metrics(namespace="Foreign", service="readings")
processor = BatchProcessor(event_type=EventType.SQS)


class Batch(BaseModel):
    Records: list[dict]
    owner: str


def take(record):
    if record.body == "bad":
        raise ValueError("a bad record")
    logger.info("taken", extra={"body": record.body})


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
@event_parser(model=Batch)
def handler(event: Batch, context: LambdaContext):
    metrics.add_metric(name="Taken", unit=MetricUnit.Count, value=len(event.Records))
    answer = process_partial_response(
        event={"Records": event.Records}, record_handler=take, processor=processor, context=context
    )
    return {"owner": event.owner, **answer}
