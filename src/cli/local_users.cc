// SPDX-License-Identifier: Apache-2.0
#include "cli/local_users.h"

#include <unistd.h>

#include "base/bytes.h"
#include "base/files.h"
#include "services/iam/iam.h"

namespace sluice::cli {
namespace {
Error wrong(const std::string& text, const std::string& why) {
  return {400, "InvalidUser", "--user " + text + ": " + why, {}};
}

// Whoever has no uid of his own in this user namespace is seen as this one by the kernel, also the
// processes of containers: to let it in would be to let in all of them.
int64_t overflow_uid() {
  constexpr int64_t kUsual = 65534;
  const auto text = read_file("/proc/sys/kernel/overflowuid");
  return text ? parse_int(trim(*text)).value_or(kUsual) : kUsual;
}

Result<int64_t> uid_of(const std::string& text, std::string_view digits) {
  constexpr int64_t kUidMax = 0xfffffffe;
  const auto uid = parse_int(digits);
  if (!uid || *uid < 0 || *uid > kUidMax)
    return wrong(text, "it must be UID=ROLE, the uid in digits (`id -u NAME` prints it)");
  if (*uid == 0)
    return wrong(text, "root can take every user's place; give the program a user of its own");
  if (*uid == static_cast<int64_t>(geteuid()))
    return wrong(text, "this user runs the server, and has the operator's session");
  if (*uid == overflow_uid())
    return wrong(text,
                 "this uid stands for every user of another namespace; give the program a user of "
                 "its own");
  return *uid;
}

Result<std::string> role_of(const std::string& text, std::string role, const Scope& scope) {
  if (role.starts_with("arn:")) {
    if (!role.starts_with(iam_arn(scope, "role/")))
      return wrong(text, "the ARN is not of a role of the account " + scope.account_id);
    role.erase(0, role.rfind('/') + 1);
  }
  if (!iam::is_role_name(role))
    return wrong(text, "a role has 1 to 64 alphanumeric characters and +=,.@_-");
  if (role == kOperatorRole)
    return wrong(text, "sessions of " + role + " are for the user who runs the server alone");
  return role;
}
}  // namespace

Result<LocalUsers> parse_local_users(const std::vector<std::string>& texts, const Scope& scope) {
  if (texts.size() > kLocalUsersMax)
    return Error{
        400, "InvalidUser", "--user may be given " + std::to_string(kLocalUsersMax) + " times", {}};
  LocalUsers users;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == text.npos) return wrong(text, "it must be UID=ROLE, as 1001=reporter");
    TRY(const int64_t uid, uid_of(text, std::string_view(text).substr(0, equals)));
    TRY(std::string role, role_of(text, text.substr(equals + 1), scope));
    if (!users.emplace(uid, std::move(role)).second)
      return wrong(text, "uid " + std::to_string(uid) + " is there twice: a user gets one role");
  }
  return users;
}

std::string user_socket(const ServeOptions& options) {
  if (!options.user_socket.empty()) return options.user_socket;
  std::string dir = options.data_dir;
  while (dir.size() > 1 && dir.back() == '/') dir.pop_back();
  return dir + ".users.sock";
}

}  // namespace sluice::cli
