// SPDX-License-Identifier: Apache-2.0
// DynamoDB-Toolbox: entities with schemas on one table, and its actions.
import assert from "node:assert/strict";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import * as box from "dynamodb-toolbox";
import { plain, refused, withTable } from "./setup.mjs";

const documentClient = DynamoDBDocumentClient.from(plain);
const table = new box.Table({
  documentClient,
  name: "Toolbox",
  partitionKey: { name: "pk", type: "string" },
  sortKey: { name: "sk", type: "string" },
  indexes: { byKind: { type: "global", partitionKey: { name: "kind", type: "string" }, sortKey: { name: "level", type: "number" } } },
});
const entity = (name, attributes) =>
  new box.Entity({ name, table, schema: box.item({ pk: box.string().key(), sk: box.string().key(), ...attributes }) });
const Pump = entity("pump", {
  kind: box.string().optional(),
  level: box.number().default(0),
  tags: box.set(box.string()).optional(),
  parts: box.list(box.map({ name: box.string(), count: box.number() })).optional(),
  by: box.record(box.string(), box.number()).optional(),
});
const Site = entity("site", { title: box.string() });
const key = (n) => ({ pk: "p", sk: `pump#${String(n).padStart(2, "0")}` });
const pump = (n, more) => ({ ...key(n), kind: n % 2 ? "odd" : "even", level: n, ...more });

await withTable("Toolbox", ["pk", "sk"], { byKind: ["kind", "level"] }, async () => {
  await Site.build(box.PutItemCommand).item({ pk: "p", sk: "site", title: "north" }).send();
  const requests = Array.from({ length: 24 }, (_, n) => Pump.build(box.BatchPutRequest).item(pump(n, { parts: [{ name: "seal", count: n }], by: { ann: 1 } })));
  await box.executeBatchWrite(table.build(box.BatchWriteCommand).requests(...requests, Site.build(box.BatchDeleteRequest).key({ pk: "p", sk: "none" })));

  const { Attributes } = await Pump.build(box.UpdateItemCommand)
    .item({ ...key(1), level: box.$add(10), tags: box.$add(new Set(["new"])), parts: box.$append([{ name: "rod", count: 2 }]), by: { bob: box.$sum(box.$get("level", 0), 5) } })
    .options({ condition: { and: [{ attr: "kind", eq: "odd" }, { attr: "parts[0].count", between: [0, 5] }, { not: { attr: "tags", exists: true } }] }, returnValues: "ALL_NEW" })
    .send();
  assert.deepEqual([Attributes.level, [...Attributes.tags], Attributes.parts.length, Attributes.by], [11, ["new"], 2, { ann: 1, bob: 6 }]);
  await refused("ConditionalCheckFailedException", () =>
    Pump.build(box.PutItemCommand).item(pump(1)).options({ condition: { attr: "pk", exists: false } }).send());
  await Pump.build(box.UpdateItemCommand).item({ ...key(2), parts: { 0: { count: 9 } }, by: box.$remove() }).send();
  const { Item } = await Pump.build(box.GetItemCommand).key(key(2)).options({ consistent: true, attributes: ["parts", "by"] }).send();
  assert.deepEqual(Item, { parts: [{ name: "seal", count: 9 }] });

  const whole = await table.build(box.QueryCommand).query({ partition: "p" }).entities(Pump, Site).options({ maxPages: Infinity, limit: 10 }).send();
  assert.equal(whole.Items.length, 25);
  const odd = await table.build(box.QueryCommand).query({ index: "byKind", partition: "odd", range: { gte: 15 } }).entities(Pump)
    .options({ reverse: true, filters: { pump: { attr: "parts[0].count", ne: 17 } } }).send();
  assert.deepEqual(odd.Items.map((item) => item.level), [23, 21, 19, 15]);
  const scanned = await table.build(box.ScanCommand).entities(Site).options({ maxPages: Infinity, limit: 6, entityAttrFilter: true }).send();
  assert.deepEqual(scanned.Items.map((item) => item.title), ["north"]);

  await box.executeTransactWrite(
    { clientRequestToken: "toolbox" },
    Pump.build(box.PutTransaction).item(pump(30)),
    Pump.build(box.UpdateTransaction).item({ ...key(1), level: box.$add(1) }),
    Pump.build(box.DeleteTransaction).key(key(3)),
    Site.build(box.ConditionCheck).key({ pk: "p", sk: "site" }).condition({ attr: "title", beginsWith: "no" }),
  );
  const { Responses } = await box.executeTransactGet(...[30, 3, 1].map((n) => Pump.build(box.GetTransaction).key(key(n))));
  assert.deepEqual(Responses.map((one) => one.Item?.level), [30, undefined, 12]);
  const got = await box.executeBatchGet(table.build(box.BatchGetCommand).requests(...[30, 3].map((n) => Pump.build(box.BatchGetRequest).key(key(n)))));
  assert.deepEqual(got.Responses[0].map((item) => item?.level), [30, undefined]);
  const gone = await Pump.build(box.DeleteItemCommand).key(key(30)).options({ returnValues: "ALL_OLD" }).send();
  assert.equal(gone.Attributes.level, 30);
}, ["level"]);
