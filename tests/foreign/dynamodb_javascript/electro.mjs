// SPDX-License-Identifier: Apache-2.0
// ElectroDB: entities and collections that share one table.
import assert from "node:assert/strict";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { Entity, Service } from "electrodb";
import { plain, refused, withTable } from "./setup.mjs";

const client = DynamoDBDocumentClient.from(plain);
const table = "Electro";
const key = (index, pk, sk, collection) => ({ ...(index && { index }), ...(collection && { collection }), pk: { field: index ? `${index}pk` : "pk", composite: pk }, sk: { field: index ? `${index}sk` : "sk", composite: sk } });
const model = (entity) => ({ entity, version: "1", service: "plant" });
const Task = new Entity(
  {
    model: model("task"),
    attributes: {
      task: { type: "string", required: true },
      team: { type: "string", required: true },
      person: { type: "string", required: true },
      status: { type: ["open", "closed"], default: "open" },
      points: { type: "number", default: 0 },
      tags: { type: "set", items: "string" },
      notes: { type: "list", items: { type: "map", properties: { by: { type: "string" }, text: { type: "string" } } } },
      changed: { type: "number", watch: "*", set: () => 1 },
    },
    indexes: { main: key(undefined, ["team"], ["task"]), assigned: key("gsi1", ["person"], ["status", "task"], "assignments") },
  },
  { client, table },
);
const Person = new Entity(
  {
    model: model("person"),
    attributes: { person: { type: "string", required: true }, team: { type: "string", required: true }, title: { type: "string" } },
    indexes: { main: key(undefined, ["person"], []), assigned: key("gsi1", ["person"], [], "assignments") },
  },
  { client, table },
);
const plant = new Service({ Task, Person }, { client, table });
const task = (n) => ({ team: "red", task: `t${String(n).padStart(2, "0")}`, person: n % 2 ? "ann" : "bob", points: n });

await withTable(table, ["pk", "sk"], { gsi1: ["gsi1pk", "gsi1sk"] }, async () => {
  await Person.create({ person: "ann", team: "red", title: "fitter" }).go();
  await refused("ElectroError", () => Person.create({ person: "ann", team: "red" }).go()); // create is a condition
  const { unprocessed } = await Task.put(Array.from({ length: 60 }, (_, n) => task(n))).go();
  assert.deepEqual(unprocessed, []);

  const one = { team: "red", task: "t01" };
  const { data: changed } = await Task.patch(one)
    .set({ status: "closed", person: "ann" })
    .add({ points: 4, tags: ["late"] })
    .append({ notes: [{ by: "bob", text: "done" }] })
    .where(({ status }, { eq }) => eq(status, "open"))
    .go({ response: "all_new" });
  assert.deepEqual([changed.status, changed.points, changed.tags, changed.notes], ["closed", 5, ["late"], [{ by: "bob", text: "done" }]]);
  await Task.update(one).data(({ notes, tags }, { set, del }) => { set(notes[0].text, "over"); del(tags, ["late"]); }).go();
  assert.equal((await Task.get(one).go()).data.notes[0].text, "over");
  await refused("ElectroError", () => Task.patch({ team: "red", task: "none" }).set({ points: 1 }).go());
  await Task.upsert({ ...task(99), points: 7 }).go();

  // The items of both entities in one query; its pages; filters.
  const { data: all } = await plant.collections.assignments({ person: "ann" }).go({ pages: "all" });
  assert.deepEqual([all.Task.length, all.Person[0].title], [31, "fitter"]);
  const seen = [];
  for (let cursor = null, first = true; first || cursor; first = false) {
    const page = await Task.query.main({ team: "red" }).go({ limit: 11, cursor });
    seen.push(...page.data.map((item) => item.task));
    cursor = page.cursor;
  }
  assert.equal(new Set(seen).size, 61);
  const some = await Task.query.main({ team: "red" }).between({ task: "t10" }, { task: "t19" }).where(({ points }, { gte }) => gte(points, 15)).go({ order: "desc" });
  assert.deepEqual(some.data.map((item) => item.points), [19, 18, 17, 16, 15]);
  const begins = await Task.query.assigned({ person: "ann", status: "closed" }).begins({ task: "t0" }).go();
  assert.deepEqual(begins.data.map((item) => item.task), ["t01"]);
  const scanned = await Task.scan.where(({ tags }, { notExists }) => notExists(tags)).go({ pages: "all" });
  assert.equal(scanned.data.length, 61);
  const got = await Task.get([one, { team: "red", task: "none" }, { team: "red", task: "t02" }]).go();
  assert.equal(got.data.length, 2);

  const done = await plant.transaction.write(({ Task, Person }) => [
    Task.remove(one).commit(),
    Person.check({ person: "ann" }).where(({ title }, { eq }) => eq(title, "fitter")).commit(),
    Person.create({ person: "eve", team: "red" }).commit({ response: "all_old" }),
  ]).go();
  assert.equal(done.canceled, false);
  const not = await plant.transaction.write(({ Task, Person }) => [Person.create({ person: "eve", team: "red" }).commit({ response: "all_old" }), Task.put(task(1)).commit()]).go();
  assert.deepEqual([not.canceled, not.data[0].code, not.data[0].item?.person], [true, "ConditionalCheckFailed", "eve"]);
  const both = await plant.transaction.get(({ Person, Task }) => [Person.get({ person: "eve" }).commit(), Task.get(one).commit()]).go();
  assert.deepEqual(both.data.map((entry) => entry.item?.person ?? null), ["eve", null]);
  await Task.delete(Array.from({ length: 30 }, (_, n) => ({ team: "red", task: task(n).task }))).go();
  assert.equal((await Task.query.main({ team: "red" }).go({ pages: "all" })).data.length, 31);
});
