// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/logging_config.h"

namespace sluice::lambda {
namespace {
// One of the words, or "" when the member is not there.
Result<std::string> word_of(const json::object& given, const char* member,
                            std::initializer_list<std::string_view> words) {
  TRY(const auto text, Fields(given).text(member));
  if (!text) return std::string();
  if (std::find(words.begin(), words.end(), *text) != words.end()) return *text;
  std::string all;
  for (const auto word : words) all += (all.empty() ? "" : ", ") + std::string(word);
  return invalid("Value '" + text->substr(0, 50) + "' at 'loggingConfig." + member +
                 "' failed to satisfy constraint: Member must satisfy enum value set: [" + all +
                 "]");
}
}  // namespace

Result<Done> apply_logging(const json::object& given, Function& function) {
  TRY(const std::string format, word_of(given, "LogFormat", {"JSON", "Text"}));
  TRY(const std::string application,
      word_of(given, "ApplicationLogLevel", {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}));
  TRY(const std::string system, word_of(given, "SystemLogLevel", {"DEBUG", "INFO", "WARN"}));
  if (!format.empty()) function.log_format = format;
  if (function.log_format == "Text") {
    if (!application.empty() || !system.empty())
      return invalid("ApplicationLogLevel and SystemLogLevel need LogFormat JSON.");
    function.application_log_level = function.system_log_level = "";
  } else {
    if (!application.empty()) function.application_log_level = application;
    if (!system.empty()) function.system_log_level = system;
  }
  const std::string group = text_of(given, "LogGroup");
  if (group.size() > 512 ||
      group.find_first_not_of(
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_/#") !=
          std::string::npos)
    return invalid("LogGroup must be 1 to 512 of a-z, A-Z, 0-9, '_', '-', '/', '.' and '#'.");
  if (!group.empty()) function.log_group = group;
  return Done{};
}

json::object shown_logging(const Function& f) {
  json::object shown{{"LogFormat", f.log_format}};
  const auto level = [](const std::string& set) { return set.empty() ? "INFO" : set; };
  if (f.log_format == "JSON") {
    shown["ApplicationLogLevel"] = level(f.application_log_level);
    shown["SystemLogLevel"] = level(f.system_log_level);
  }
  shown["LogGroup"] = f.log_group;
  return shown;
}

}  // namespace sluice::lambda
