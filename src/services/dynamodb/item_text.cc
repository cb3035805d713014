// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/item_text.h"

#include "base/bytes.h"
#include "services/dynamodb/codec.h"

namespace sluice::dynamodb {
namespace {
// Each function returns the size of what it has written, as value_bytes counts it.
class TextMaker {
 public:
  TextMaker(JsonWriter& out, std::string_view stored) : out_(out), in_(stored) {}
  bool whole() const { return in_.whole(); }
  // `of_each` is what a member takes besides its name and its value.
  size_t map(size_t depth, size_t of_each) {
    size_t bytes = 0;
    out_.begin_object();
    for (size_t left = in_.count(); left && in_.ok(); --left) {
      const std::string_view name = in_.text();
      out_.name(name);
      bytes += of_each + name.size() + value(depth);
    }
    out_.end_object();
    return bytes;
  }

 private:
  static constexpr size_t kContainer = 3;  // what a list or a map takes itself

  size_t value(size_t depth) {
    const char code = in_.code(depth);
    out_.begin_object();
    const size_t bytes = content(code, depth);
    out_.end_object();
    return bytes;
  }
  size_t content(char code, size_t depth) {
    switch (code) {
      case 'S': out_.name("S"); return scalar(code);
      case 'N': out_.name("N"); return scalar(code);
      case 'B': out_.name("B"); return scalar(code);
      case 'T': out_.member("BOOL", true); return 1;
      case 'F': out_.member("BOOL", false); return 1;
      case '0': out_.member("NULL", true); return 1;
      case 'L': out_.name("L"); return kContainer + list(depth + 1);
      case 'M': out_.name("M"); return kContainer + map(depth + 1, 1);
      case 's': out_.name("SS"); return set('S');
      case 'n': out_.name("NS"); return set('N');
      case 'b': out_.name("BS"); return set('B');
      default: in_.fail(); return 0;
    }
  }
  size_t scalar(char code) {
    const std::string_view content = in_.text();
    if (code == 'B') {
      const std::string text = base64(content);
      out_.text(text);
      return text.size() / 4 * 3;
    }
    out_.text(content);
    return code == 'N' ? number_bytes(content) : content.size();
  }
  size_t list(size_t depth) {
    size_t bytes = 0;
    out_.begin_array();
    for (size_t left = in_.count(); left && in_.ok(); --left) bytes += 1 + value(depth);
    out_.end_array();
    return bytes;
  }
  size_t set(char code) {
    size_t bytes = 0;
    out_.begin_array();
    for (size_t left = in_.count(); left && in_.ok(); --left) bytes += scalar(code);
    out_.end_array();
    return bytes;
  }
  JsonWriter& out_;
  ItemBytes in_;
};
}  // namespace

Result<size_t> write_stored_item(JsonWriter& out, std::string_view stored) {
  TextMaker maker(out, stored);
  const size_t bytes = maker.map(1, 0);
  if (!maker.whole()) return unknown_form();
  return bytes;
}

}  // namespace sluice::dynamodb
