// SPDX-License-Identifier: Apache-2.0
#include "ingest/decode.h"

namespace sluice::ingest {
namespace {
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
}  // namespace

void Splitter::keep(char c) {
  if (record_.text.size() < kRecordBytesMax)
    record_.text.push_back(c);
  else
    too_large_ = true;
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
  keep(c);
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
  keep(c);
  scan(c);
  return bracketed && depth_ == 0 ? emit() : Result<Done>(Done{});
}

Result<Done> Splitter::write(std::string_view bytes) {
  constexpr unsigned char kBom[] = {0xEF, 0xBB, 0xBF};
  for (const char c : bytes) {
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
      keep(c);
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
