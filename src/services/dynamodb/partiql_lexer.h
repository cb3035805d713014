// SPDX-License-Identifier: Apache-2.0
#pragma once
// The words of a PartiQL statement. Source: the PartiQL specification, and the Developer Guide,
// "PartiQL - a SQL-compatible query language for Amazon DynamoDB".
//
//   TRY(const auto tokens, partiql_tokens(R"(SELECT * FROM "t" WHERE a = 'x')"));
//   tokens[0].kind == PartiqlToken::Kind::word && tokens[0].is_word("select");
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::dynamodb {

constexpr size_t kStatementCharactersMax = 8192;

struct PartiqlToken {
  enum class Kind : uint8_t {
    word,       // SELECT, or a name without quotes
    quoted,     // "a name"
    text,       // 'a value'
    number,     // 1, .5, 2e3
    sign,       // an operator or bracket; << and >> are one sign
    parameter,  // ?
    end
  };
  Kind kind = Kind::end;
  std::string text;           // without its quotes
  size_t begin = 0, end = 0;  // where it stands in the statement, in bytes
  bool is(std::string_view sign) const { return kind == Kind::sign && text == sign; }
  bool is_word(std::string_view word) const;
  bool is_keyword() const;  // a word that no name can be without its quotes
};

// The tokens, of which the last one is an end. Comments are left out. Errors: ValidationException.
Result<std::vector<PartiqlToken>> partiql_tokens(std::string_view statement);
// " at 1:8:3": the line and the column of a token, in characters from 1, and its length.
std::string place_of(std::string_view statement, const PartiqlToken& token);
// What AWS says of a statement that cannot be read.
Error not_well_formed(const std::string& why);

}  // namespace sluice::dynamodb
