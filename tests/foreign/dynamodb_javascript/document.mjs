// SPDX-License-Identifier: Apache-2.0
// The document client of the AWS SDK for JavaScript v3: plain objects in, plain objects out.
import assert from "node:assert/strict";
import * as lib from "@aws-sdk/lib-dynamodb";
import { newClient, plain, refused, withTable } from "./setup.mjs";

const client = lib.DynamoDBDocumentClient.from(plain, { marshallOptions: { removeUndefinedValues: true, convertEmptyValues: false } });
// On a client of its own: the settings of a document client are kept in the one that it is made from.
const exact = lib.DynamoDBDocumentClient.from(newClient(), { unmarshallOptions: { wrapNumbers: lib.NumberValue.from } });
const TableName = "Documents";
const call = (name, input, by = client) => by.send(new lib[name + "Command"]({ TableName, ...input }));
const Key = { pk: "one", sk: 1 };

async function types() {
  const item = {
    ...Key,
    text: "é",
    empty: "",
    number: -1.5e-7,
    bigint: 12345678901234567890n,
    yes: true,
    nothing: null,
    left: undefined,
    bytes: Uint8Array.of(0, 255),
    list: [1, "two", { three: [3] }],
    map: { deep: { deeper: {} } },
    names: new Set(["a", "b"]),
    numbers: new Set([1, 2.5, 9007199254740991]),
    blobs: new Set([Uint8Array.of(1)]),
  };
  assert.equal((await call("Put", { Item: item, ReturnValues: "ALL_OLD" })).Attributes, undefined);
  const back = (await call("Get", { Key, ConsistentRead: true }, exact)).Item;
  assert.equal(back.bigint.value, "12345678901234567890");
  assert.deepEqual([...back.numbers].map((one) => one.value).sort(), ["1", "2.5", "9007199254740991"]);
  assert.deepEqual([back.number.value, back.text, back.empty, back.yes, back.nothing], ["-0.00000015", "é", "", true, null]);
  assert.deepEqual([back.names, back.blobs, back.bytes], [item.names, item.blobs, item.bytes]);
  assert.deepEqual(back.map, item.map);
  assert.ok(!("left" in back));
  await call("Put", { Item: { ...Key, precise: lib.NumberValue.from("12345678901234567890123456789012345678") } });
  assert.equal((await call("Get", { Key }, exact)).Item.precise.value, "12345678901234567890123456789012345678");
  await refused("ValidationException", () => call("Put", { Item: { ...Key, sk: "text" } }));
  await refused("ValidationException", () => call("Put", { Item: { ...Key, wide: lib.NumberValue.from("123456789012345678901234567890123456789") } }));
}

async function updates() {
  await call("Put", { Item: { ...Key, list: [1], state: "new" } });
  const update = {
    Key,
    UpdateExpression: "SET #l = list_append(#l, :more), seen = if_not_exists(seen, :zero) + :one REMOVE gone ADD tags :tags",
    ConditionExpression: "#s IN (:new, :old) AND attribute_not_exists(seen)",
    ExpressionAttributeNames: { "#l": "list", "#s": "state" },
    ExpressionAttributeValues: { ":more": [{ two: 2 }], ":zero": 0, ":one": 1, ":tags": new Set(["x"]), ":new": "new", ":old": "old" },
    ReturnValues: "UPDATED_NEW",
    ReturnConsumedCapacity: "TOTAL",
  };
  const done = await call("Update", update);
  assert.deepEqual(done.Attributes, { list: [1, { two: 2 }], seen: 1, tags: new Set(["x"]) });
  assert.equal(done.ConsumedCapacity.CapacityUnits > 0, true);
  const again = await refused("ConditionalCheckFailedException", () => call("Update", { ...update, ReturnValuesOnConditionCheckFailure: "ALL_OLD" }));
  assert.equal(again.Item.state.S ?? again.Item.state, "new");
  const gone = await call("Delete", { Key, ConditionExpression: "size(tags) = :n", ExpressionAttributeValues: { ":n": 1 }, ReturnValues: "ALL_OLD" });
  assert.equal(gone.Attributes.seen, 1);
  assert.equal((await call("Get", { Key })).Item, undefined);
}

async function searches() {
  const batch = (from) => Array.from({ length: 25 }, (_, n) => ({ PutRequest: { Item: { pk: "many", sk: from + n, kind: n % 2 ? "odd" : "even", at: `t${from + n}`, tags: new Set(["a"]) } } }));
  for (const from of [0, 25]) {
    const { UnprocessedItems } = await call("BatchWrite", { RequestItems: { [TableName]: batch(from) } });
    assert.deepEqual(UnprocessedItems, {});
  }
  const got = await call("BatchGet", { RequestItems: { [TableName]: { Keys: [{ pk: "many", sk: 3 }, { pk: "none", sk: 1 }], ProjectionExpression: "sk, tags" } } });
  assert.deepEqual(got.Responses[TableName], [{ sk: 3, tags: new Set(["a"]) }]);
  assert.deepEqual(got.UnprocessedKeys, {});
  const query = { TableName, KeyConditionExpression: "pk = :pk AND sk BETWEEN :a AND :z", ExpressionAttributeValues: { ":pk": "many", ":a": 10, ":z": 39 }, ScanIndexForward: false };
  const seen = [];
  for await (const page of lib.paginateQuery({ client, pageSize: 7 }, query)) seen.push(...page.Items.map((item) => item.sk));
  assert.deepEqual(seen, Array.from({ length: 30 }, (_, n) => 39 - n));
  const odd = { TableName, IndexName: "by-kind", KeyConditionExpression: "kind = :k", ExpressionAttributeValues: { ":k": "odd" } };
  let count = 0;
  for await (const page of lib.paginateQuery({ client, pageSize: 5 }, { ...odd, Select: "COUNT" })) count += page.Count;
  assert.equal(count, 24);
  let scanned = 0;
  for (const Segment of [0, 1]) {
    const scan = { TableName, Segment, TotalSegments: 2, FilterExpression: "contains(tags, :a)", ExpressionAttributeValues: { ":a": "a" } };
    for await (const page of lib.paginateScan({ client, pageSize: 9 }, scan)) scanned += page.Items.length;
  }
  assert.equal(scanned, 50);
}

async function transactions() {
  const put = (pk, more) => ({ Put: { TableName, Item: { pk, sk: 1 }, ...more } });
  const input = { TransactItems: [put("t1"), put("t2")], ClientRequestToken: "the-same-token" };
  await call("TransactWrite", input);
  await call("TransactWrite", input); // the same again, as a retry is
  await refused("IdempotentParameterMismatchException", () => call("TransactWrite", { ...input, TransactItems: [put("t3")] }));
  const fails = put("t1", { ConditionExpression: "attribute_not_exists(pk)", ReturnValuesOnConditionCheckFailure: "ALL_OLD" });
  const cancelled = await refused("TransactionCanceledException", () => call("TransactWrite", { TransactItems: [put("t4"), fails] }));
  assert.deepEqual(cancelled.CancellationReasons.map((one) => one.Code), ["None", "ConditionalCheckFailed"]);
  assert.ok(cancelled.CancellationReasons[1].Item);
  const get = (pk) => ({ Get: { TableName, Key: { pk, sk: 1 } } });
  const { Responses } = await call("TransactGet", { TransactItems: [get("t1"), get("t4"), get("t2")] });
  assert.deepEqual(Responses.map((one) => one.Item?.pk), ["t1", undefined, "t2"]);
}

await withTable(TableName, ["pk", "sk"], { "by-kind": ["kind", "at"] }, async () => {
  for (const part of [types, updates, searches, transactions]) await part();
}, ["sk"]);
