// SPDX-License-Identifier: Apache-2.0
// Drives the pipeline's services with the AWS SDK for JavaScript v3, as its documentation shows: sessions from the profile's
// credential_process, TLS by NODE_EXTRA_CA_CERTS, the endpoint from AWS_ENDPOINT_URL. Prints what it saw as one line of JSON.
import { Readable } from "node:stream";
import { CloudTrailClient, LookupEventsCommand } from "@aws-sdk/client-cloudtrail";
import { CloudWatchClient, GetMetricDataCommand, GetMetricStatisticsCommand, ListMetricsCommand, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DynamoDBClient, ExecuteStatementCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { fromProcess } from "@aws-sdk/credential-providers";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const [bucket, table, group] = process.argv.slice(2);
const config = { credentials: fromProcess({ profile: process.env.AWS_PROFILE }), maxAttempts: 1 };
const s3 = new S3Client({ ...config, forcePathStyle: true });
const seen = {};

// A body that is a string, and one that is a stream: the one is hashed before, the other carries its checksum in a trailer.
await s3.send(new PutObjectCommand({ Bucket: bucket, Key: "js/a string+.txt", Body: "from a string" }));
const pieces = Array.from({ length: 40 }, (_, i) => Buffer.alloc(10_007, 97 + (i % 26)));
const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
await s3.send(new PutObjectCommand({ Bucket: bucket, Key: "js/stream.bin", Body: Readable.from(pieces), ContentLength: length }));
seen.listed = (await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: "js/" }))).Contents.map((one) => [one.Key, one.Size]);
const streamed = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: "js/stream.bin" }));
seen.streamed = Buffer.from(await streamed.Body.transformToByteArray()).equals(Buffer.concat(pieces));
const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket: bucket, Key: "js/a string+.txt" }), { expiresIn: 60 });
seen.presigned = await (await fetch(url)).text();
seen.forged = (await fetch(url.replace("a%20string", "stream"))).status;

const dynamodb = new DynamoDBClient(config);
const items = await dynamodb.send(new QueryCommand({ TableName: table, KeyConditionExpression: "device_id = :d", ExpressionAttributeValues: { ":d": { S: "pump" } } }));
seen.values = items.Items.map((item) => item.value.N);
const statement = { Statement: `SELECT "value" FROM "${table}" WHERE device_id = ?`, Parameters: [{ S: "pump" }] };
const first = await dynamodb.send(new ExecuteStatementCommand({ ...statement, Limit: 1 }));
const second = await dynamodb.send(new ExecuteStatementCommand({ ...statement, NextToken: first.NextToken }));
seen.selected = [first, second].map((page) => page.Items.map((item) => item.value.N));
const events = await new CloudWatchLogsClient(config).send(new FilterLogEventsCommand({ logGroupName: group, filterPattern: '{ $.level = "error" }' }));
seen.errors = events.events.map((event) => JSON.parse(event.message).text);

const cloudwatch = new CloudWatchClient(config);
const now = Date.now();
const Dimensions = [{ Name: "Client", Value: "javascript" }];
await cloudwatch.send(new PutMetricDataCommand({ Namespace: "Clients", MetricData: [{ MetricName: "Seen", Dimensions, Timestamp: new Date(now - 1), Values: Array(150).fill(0.5), Unit: "Count" }] }));
// More than 10 KB: sent packed by gzip.
await cloudwatch.send(new PutMetricDataCommand({ Namespace: "Clients", MetricData: Array.from({ length: 200 }, (_, i) => ({ MetricName: "Many", Dimensions: [{ Name: "Number", Value: String(i) }], Value: i })) }));
const times = { StartTime: new Date(now - 3600_000), EndTime: new Date(now + 3600_000) };
const metric = { Namespace: "Clients", MetricName: "Seen", Dimensions };
const statistics = await cloudwatch.send(new GetMetricStatisticsCommand({ ...metric, ...times, Period: 7200, Statistics: ["Sum"], ExtendedStatistics: ["p90"] }));
seen.statistics = statistics.Datapoints.map((point) => [point.Timestamp instanceof Date, point.Sum, point.ExtendedStatistics.p90]);
const data = await cloudwatch.send(new GetMetricDataCommand({ ...times, MetricDataQueries: [{ Id: "e", Expression: "m * 2" }, { Id: "m", ReturnData: false, MetricStat: { Metric: metric, Period: 7200, Stat: "Sum" } }] }));
seen.doubled = data.MetricDataResults[0].Values;
seen.metrics = (await cloudwatch.send(new ListMetricsCommand({ Namespace: "Clients", MetricName: "Many" }))).Metrics.length;
try {
  await cloudwatch.send(new PutMetricDataCommand({ Namespace: "AWS/Clients", MetricData: [{ MetricName: "Seen", Value: 1 }] }));
} catch (error) {
  seen.refused = [error.name, error.$metadata.httpStatusCode];
}

const trail = await new CloudTrailClient(config).send(new LookupEventsCommand({ LookupAttributes: [{ AttributeKey: "EventName", AttributeValue: "CreateTable" }] }));
seen.trail = trail.Events.map((event) => [event.EventTime instanceof Date, JSON.parse(event.CloudTrailEvent).requestParameters.tableName]);
console.log(JSON.stringify(seen));
