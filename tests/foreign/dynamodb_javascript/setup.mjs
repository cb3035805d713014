// SPDX-License-Identifier: Apache-2.0
// A session from the profile's credential_process, the endpoint from AWS_ENDPOINT_URL, trust from NODE_EXTRA_CA_CERTS.
import assert from "node:assert/strict";
import { CreateTableCommand, DeleteTableCommand, DynamoDBClient, waitUntilTableExists } from "@aws-sdk/client-dynamodb";
import { fromProcess } from "@aws-sdk/credential-providers";

export const newClient = () => new DynamoDBClient({ credentials: fromProcess({ profile: process.env.AWS_PROFILE }), maxAttempts: 1 });
export const plain = newClient();

// Makes a table for the time of `work`. Keys are ["pk", "sk"]; indexes {name: [partition, sort]}; all of them strings but those of `numbers`.
export async function withTable(TableName, keys, indexes, work, numbers = []) {
  const schema = (names) => names.map((AttributeName, at) => ({ AttributeName, KeyType: at ? "RANGE" : "HASH" }));
  const names = new Set([...keys, ...Object.values(indexes).flat()]);
  const made = Object.entries(indexes).map(([IndexName, of]) => ({ IndexName, KeySchema: schema(of), Projection: { ProjectionType: "ALL" } }));
  await plain.send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: schema(keys),
      AttributeDefinitions: [...names].map((AttributeName) => ({ AttributeName, AttributeType: numbers.includes(AttributeName) ? "N" : "S" })),
      ...(made.length && { GlobalSecondaryIndexes: made }),
    }),
  );
  await waitUntilTableExists({ client: plain, maxWaitTime: 30 }, { TableName });
  await work();
  await plain.send(new DeleteTableCommand({ TableName }));
}

export async function refused(name, call) {
  try {
    await call();
  } catch (error) {
    assert.equal(error.name, name, error.stack);
    return error;
  }
  throw new Error(`${name} was expected`);
}
