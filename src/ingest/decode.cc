// SPDX-License-Identifier: Apache-2.0
#include "ingest/decode.h"

#include <algorithm>

namespace sluice::ingest {
namespace {
constexpr size_t kReservedMax = 1024;
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// How many bytes at the beginning are none of `marks`.
struct Marks {
  bool is[256] = {};
  constexpr explicit Marks(std::string_view marks) {
    for (const char c : marks) is[static_cast<uint8_t>(c)] = true;
  }
  size_t first_in(std::string_view bytes) const {
    size_t at = 0;
    while (at < bytes.size() && !is[static_cast<uint8_t>(bytes[at])]) ++at;
    return at;
  }
};
constexpr Marks kInString("\"\\\n"), kInBrackets("\"{}[]\n");
}  // namespace

void Splitter::keep(std::string_view bytes) {
  const size_t room = kRecordBytesMax - record_.text.size();
  record_.text.append(bytes.substr(0, room));
  if (bytes.size() > room) too_large_ = true;
}

Result<Done> Splitter::emit(const char* broken, const char* why) {
  while (!record_.text.empty() && is_blank(record_.text.back())) record_.text.pop_back();
  record_.index = next_index_++;
  record_.broken = broken;
  record_.why = why;
  if (too_large_) {
    record_.broken = "RecordTooLarge";
    record_.why = "a record is at most 409600 bytes; what is kept here is its beginning";
  }
  Record out = std::move(record_);
  record_ = {};
  record_.text.reserve(std::min(out.text.size(), kReservedMax));  // the next is often as long
  open_ = too_large_ = in_string_ = escaped_ = line_began_ = false;
  depth_ = 0;
  last_ = 0;
  return take_(std::move(out));
}

void Splitter::scan(char c) {
  if (in_string_) {
    if (escaped_)
      escaped_ = false;
    else if (c == '\\')
      escaped_ = true;
    else if (c == '"' || c == '\n')
      in_string_ = false;  // JSON has no raw line feed in a string: the record is broken, its rest
                           // may not be
  } else if (c == '"') {
    in_string_ = true;
  } else if (c == '{' || c == '[') {
    ++depth_;
  } else if ((c == '}' || c == ']') && depth_ > 0) {
    --depth_;
  }
  if (!is_blank(c)) last_ = c;
}

Result<Done> Splitter::in_array(char c) {
  if (!open_ && is_blank(c)) return Done{};
  if (depth_ == 0 && !in_string_ && (c == ',' || c == ']')) {
    const bool nothing = !open_;
    if (!open_) record_.offset = at_;
    const bool first_and_empty = nothing && c == ']' && !comma_;
    comma_ = c == ',';
    if (c == ']') mode_ = Mode::after_array;
    if (first_and_empty) return Done{};
    return nothing ? emit("MalformedJson", "there is nothing between two commas of the array")
                   : emit();
  }
  if (!open_) {
    open_ = true;
    record_.offset = at_;
  }
  keep({&c, 1});
  scan(c);
  return Done{};
}

Result<Done> Splitter::in_stream(char c) {
  if (!open_) {
    if (is_blank(c)) return Done{};
    open_ = true;
    record_.offset = at_;
  } else if (line_began_ && c == '{' && !in_string_ && last_ != ',' && last_ != ':' &&
             last_ != '[' && last_ != '{') {
    CHECK(emit("MalformedJson", "the object is not closed before the next line begins another"));
    return in_stream(c);
  }
  if (in_string_ && c == '\n') return emit("MalformedJson", "a string is not closed on its line");
  if (c == '\n')
    line_began_ = true;
  else if (!is_blank(c))
    line_began_ = false;
  const bool bracketed = depth_ > 0 || (record_.text.empty() && (c == '{' || c == '['));
  if (!bracketed && c == '\n') return emit();  // a scalar, or no JSON at all: one a line
  keep({&c, 1});
  scan(c);
  return bracketed && depth_ == 0 ? emit() : Result<Done>(Done{});
}

// Inside a string or a bracket most bytes change nothing: they are taken together. Returns how many
// there are at the beginning.
size_t Splitter::take_ordinary(std::string_view bytes) {
  const bool inside = open_ && (in_string_ || depth_ > 0);
  if (!inside || escaped_ || mode_ == Mode::after_array) return 0;
  const size_t size = (in_string_ ? kInString : kInBrackets).first_in(bytes);
  keep(bytes.substr(0, size));
  for (size_t end = size; end > 0; --end)
    if (!is_blank(bytes[end - 1])) {
      last_ = bytes[end - 1];
      line_began_ = false;
      break;
    }
  at_ += size;
  return size;
}

Result<Done> Splitter::write(std::string_view bytes) {
  constexpr unsigned char kBom[] = {0xEF, 0xBB, 0xBF};
  while (!bytes.empty()) {
    bytes.remove_prefix(take_ordinary(bytes));
    if (bytes.empty()) break;
    const char c = bytes.front();
    bytes.remove_prefix(1);
    if (mode_ == Mode::start && at_ < 3 && static_cast<unsigned char>(c) == kBom[at_] &&
        bom_ == static_cast<int>(at_)) {
      ++bom_;
      ++at_;
      continue;
    }
    if (mode_ == Mode::start && !is_blank(c)) {
      mode_ = c == '[' ? Mode::array : Mode::stream;
      if (c == '[') {
        ++at_;
        continue;
      }
    }
    if (mode_ == Mode::array)
      CHECK(in_array(c));
    else if (mode_ == Mode::stream)
      CHECK(in_stream(c));
    else if (mode_ == Mode::after_array && (open_ || !is_blank(c))) {
      if (!open_) {
        open_ = true;
        record_.offset = at_;
      }
      keep({&c, 1});
    }
    ++at_;
  }
  return Done{};
}

Result<Done> Splitter::finish() {
  if (mode_ == Mode::array) {
    if (!open_) record_.offset = at_;
    return emit("MalformedJson", "the file ends before the array is closed");
  }
  if (mode_ == Mode::after_array && open_)
    return emit("MalformedJson", "there is text after the array's end");
  if (mode_ == Mode::stream && open_)
    return depth_ > 0 || in_string_ ? emit("MalformedJson", "the file ends inside this record")
                                    : emit();
  return Done{};
}

}  // namespace sluice::ingest
