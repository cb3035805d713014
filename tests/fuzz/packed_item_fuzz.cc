// SPDX-License-Identifier: Apache-2.0
// Items and batches that are read without a tree: they are what the tree would have made of them.
#include "fuzz.h"
#include "services/dynamodb/codec.h"
#include "services/dynamodb/item_text.h"
#include "services/dynamodb/items.h"

using namespace sluice;
namespace {
void check_item_alone(std::string_view text) {
  JsonCursor in(text);
  const auto item = dynamodb::PackedItem::read(in);
  if (!item || !in.ends()) return;
  auto tree = parse_json_object(text);
  MUST(tree && dynamodb::check_item(*tree));
  MUST(item->bytes() == dynamodb::encode_item(*tree));
  JsonWriter out;
  const auto bytes = dynamodb::write_stored_item(out, item->bytes());
  MUST(bytes && *bytes == dynamodb::item_bytes(*tree) && out.take() == json::serialize(*tree));
  MUST(item->tree() == *tree && item->size() == tree->size());
  for (size_t n = 0; n < item->size(); ++n)
    MUST(dynamodb::type_of(item->value(n)) == dynamodb::type_of(tree->at(item->name(n))));
}
// What is damaged in a store is refused, with and without a tree.
void check_stored(std::string_view stored) {
  JsonWriter out;
  MUST(dynamodb::write_stored_item(out, stored).has_value() ==
       dynamodb::decode_item(stored, {}).has_value());
}
// A member that nobody knows makes the batch an unusual one, which is read as a tree.
void check_batch(std::string_view text) {
  constexpr std::string_view kUsual = "{\"RequestItems\":";
  if (!text.starts_with(kUsual)) return;
  Request usual, other;
  usual.body = text;
  other.body = "{\"Other\":1," + std::string(text.substr(1));
  const auto one = dynamodb::BatchWriteItem::parse(usual),
             two = dynamodb::BatchWriteItem::parse(other);
  MUST(one.has_value() == two.has_value());
  if (!one) {
    MUST(one.error().code == two.error().code && one.error().message == two.error().message);
    return;
  }
  MUST(one->tables.size() == two->tables.size() && one->consumed == two->consumed);
  for (size_t t = 0; t < one->tables.size(); ++t) {
    const auto& [name, writes] = one->tables[t];
    const auto& [other_name, others] = two->tables[t];
    MUST(name == other_name && writes.size() == others.size());
    for (size_t n = 0; n < writes.size(); ++n)
      MUST(writes[n].put == others[n].put && writes[n].item.bytes() == others[n].item.bytes());
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = fuzz::text(data, size);
  check_item_alone(text);
  check_stored(text);
  check_batch(text);
  return 0;
}
