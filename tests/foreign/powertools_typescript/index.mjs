// SPDX-License-Identifier: Apache-2.0
// A handler as users of Powertools for AWS Lambda (TypeScript) write it, compiled: logger, metrics, parser, batch.
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { parse } from '@aws-lambda-powertools/parser';
import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import { z } from 'zod';

const logger = new Logger({ serviceName: 'readings' });
const metrics = new Metrics({ namespace: 'Foreign', serviceName: 'readings' });
const processor = new BatchProcessor(EventType.SQS);
const schema = z.object({ Records: z.array(z.any()), owner: z.string() });

const take = async (record) => {
  if (record.body === 'bad') throw new Error('a bad record');
  logger.info('taken', { body: record.body });
};

export const handler = async (event, context) => {
  logger.addContext(context);
  const { Records, owner } = parse(event, undefined, schema);
  metrics.captureColdStartMetric();
  metrics.addMetric('Taken', MetricUnit.Count, Records.length);
  const answer = await processPartialResponse({ Records }, take, processor, { context });
  metrics.publishStoredMetrics();
  return { owner, ...answer };
};
