// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/partiql_lexer.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "services/dynamodb/value.h"

namespace sluice::dynamodb {
namespace {
using Kind = PartiqlToken::Kind;

// The reserved words of SQL-92 and those that PartiQL adds.
constexpr std::string_view kKeywords =
    "absolute action add all allocate alter and any are as asc assertion at authorization avg bag "
    "begin between bit bit_length blob bool boolean by cascade cascaded case cast catalog char "
    "char_length character character_length check clob close coalesce collate collation column "
    "commit conflict connect connection constraint constraints continue convert corresponding "
    "count create cross current current_date current_time current_timestamp current_user cursor "
    "date date_add date_diff deallocate dec decimal declare default deferrable deferred delete "
    "desc describe descriptor diagnostics disconnect distinct do domain double drop else end "
    "escape except exception exec execute exists external extract false fetch first float for "
    "foreign found from full get global go goto grant group having identity immediate in index "
    "indicator initially inner input insensitive insert int integer intersect interval into is "
    "isolation join key language last left let level like limit list local lower match max min "
    "missing modified module names national natural nchar new next no not nothing null nullif "
    "numeric octet_length of old on only open option or order outer output overlaps pad partial "
    "pivot position precision prepare preserve primary prior privileges procedure public read real "
    "references relative remove restrict returning revoke right rollback rows schema scroll "
    "section select session session_user set sexp size smallint some space sql sqlcode sqlerror "
    "sqlstate string struct substring sum symbol system_user table temporary then time timestamp "
    "to transaction translate translation trim true tuple union unique unknown unpivot update "
    "upper usage user using value values varchar varying view when whenever where with work write "
    "zone";

const std::set<std::string_view>& keywords() {
  static const std::set<std::string_view> kWords = [] {
    std::set<std::string_view> words;
    for (size_t begin = 0; begin < kKeywords.size();) {
      const size_t end = std::min(kKeywords.find(' ', begin), kKeywords.size());
      words.insert(kKeywords.substr(begin, end - begin));
      begin = end + 1;
    }
    return words;
  }();
  return kWords;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}
bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
// Bytes that go on a character of UTF-8.
bool goes_on(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

class Lexer {
 public:
  explicit Lexer(std::string_view statement) : statement_(statement) {}
  Result<std::vector<PartiqlToken>> tokens() {
    std::vector<PartiqlToken> out;
    do {
      CHECK(skip_blanks());
      TRY(PartiqlToken token, next());
      out.push_back(std::move(token));
    } while (out.back().kind != Kind::end);
    return out;
  }

 private:
  char at(size_t place) const { return place < statement_.size() ? statement_[place] : '\0'; }
  bool starts(std::string_view sign) const { return statement_.substr(at_).starts_with(sign); }
  Result<Done> skip_blanks() {
    for (;;) {
      if (at_ < statement_.size() && is_blank(statement_[at_])) {
        ++at_;
      } else if (starts("--")) {
        at_ = std::min(statement_.find_first_of("\r\n", at_), statement_.size());
      } else if (starts("/*")) {
        const size_t end = statement_.find("*/", at_ + 2);
        if (end == std::string_view::npos) return not_well_formed("");
        at_ = end + 2;
      } else {
        return Done{};
      }
    }
  }
  Result<PartiqlToken> next() {
    const size_t begin = at_;
    PartiqlToken token{Kind::end, "", begin, begin};
    if (at_ == statement_.size()) return token;
    const char c = statement_[at_];
    if (is_name_start(c)) {
      token.kind = Kind::word;
      while (is_name_start(at(at_)) || is_digit(at(at_))) ++at_;
      token.text = statement_.substr(begin, at_ - begin);
    } else if (c == '\'' || c == '"') {
      token.kind = c == '"' ? Kind::quoted : Kind::text;
      TRY(token.text, quoted(c));
    } else if (is_digit(c) || (c == '.' && is_digit(at(at_ + 1)))) {
      token.kind = Kind::number;
      read_number();
      token.text = statement_.substr(begin, at_ - begin);
    } else if (c == '?') {
      token.kind = Kind::parameter;
      ++at_;
    } else {
      token.kind = Kind::sign;
      TRY(token.text, sign());
    }
    token.end = at_;
    return token;
  }
  // A quote inside stands there twice.
  Result<std::string> quoted(char quote) {
    std::string text;
    for (++at_; at_ < statement_.size(); ++at_) {
      if (statement_[at_] == quote && at(++at_) != quote) return text;
      text += statement_[at_];
    }
    return not_well_formed("");
  }
  void read_number() {
    const auto digits = [&] {
      while (is_digit(at(at_))) ++at_;
    };
    digits();
    if (at(at_) == '.') {
      ++at_;
      digits();
    }
    const size_t sign = at(at_ + 1) == '+' || at(at_ + 1) == '-' ? 1 : 0;
    if ((at(at_) != 'e' && at(at_) != 'E') || !is_digit(at(at_ + 1 + sign))) return;
    at_ += 1 + sign;
    digits();
  }
  Result<std::string> sign() {
    for (const std::string_view two : {"<<", ">>", "<=", ">=", "<>", "!=", "||"})
      if (starts(two)) {
        at_ += 2;
        return std::string(two);
      }
    if (std::string_view("=<>+-*/%.,()[]{}:;").find(statement_[at_]) == std::string_view::npos)
      return not_well_formed("");
    return std::string(1, statement_[at_++]);
  }

  const std::string_view statement_;
  size_t at_ = 0;
};
}  // namespace

bool PartiqlToken::is_word(std::string_view word) const {
  return kind == Kind::word && equals_ignore_case(text, word);
}
bool PartiqlToken::is_keyword() const {
  return kind == Kind::word && keywords().contains(lower(text));
}

Result<std::vector<PartiqlToken>> partiql_tokens(std::string_view statement) {
  return Lexer(statement).tokens();
}
std::string place_of(std::string_view statement, const PartiqlToken& token) {
  const std::string_view before = statement.substr(0, token.begin);
  const size_t line_begin = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
  const auto characters = [](std::string_view text) {
    return text.size() - static_cast<size_t>(std::count_if(text.begin(), text.end(), goes_on));
  };
  return " at " + std::to_string(std::count(before.begin(), before.end(), '\n') + 1) + ":" +
         std::to_string(characters(before.substr(line_begin)) + 1) + ":" +
         std::to_string(characters(statement.substr(token.begin, token.end - token.begin)));
}
Error not_well_formed(const std::string& why) {
  return validation("Statement wasn't well formed, can't be processed: " + why);
}

}  // namespace sluice::dynamodb
