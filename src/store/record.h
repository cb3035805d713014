// SPDX-License-Identifier: Apache-2.0
#pragma once
// A record: what the store keeps of one thing (a bucket, a role, a key). Its struct names its
// table, its version and its members. From the list of members come its codec, its dump and its
// documentation.
//
//   struct Role {
//     static constexpr RecordType record{Family::meta, "iam.role", 1};
//     std::string name;
//     int64_t max_session_s = 3600;
//     json::object unknown;
//     static constexpr auto members() {
//       return std::tuple{member("RoleName", &Role::name),
//                         member("MaxSession", &Role::max_session_s)};
//     }
//     bool operator==(const Role&) const = default;
//   };
//   inline RecordKey<Role> role_key(std::string_view name) { return {name}; }
//
//   if (const auto role = snapshot.get(role_key(name))) use(role->max_session_s);
//   auto role = staged.get(role_key(name));
//   role->max_session_s = 7200;
//   staged.put(role_key(name), *role);
//
// On disk: one byte, the version, and the members as JSON; those that have their default are left
// out. A member that an older record lacks gets its default; one that a newer version wrote stays
// in `unknown` and is written again. Other structs that only have members() may be members, and so
// may strings, integers, numbers, booleans, lists, maps of names, optionals, JSON that is kept as
// it came, and what is made of a text (policy::Stored). A record whose layout changes gets a new
// version and a fixture of the old one (CONTRIBUTING.md, "Add a record").
#include <array>
#include <concepts>
#include <map>
#include <tuple>
#include <type_traits>

#include "store/store.h"

namespace sluice {

template <class Owner, class Value>
struct Member {
  std::string_view name;  // as it stands on disk
  Value Owner::* place;
};
template <class Owner, class Value>
constexpr Member<Owner, Value> member(std::string_view name, Value Owner::* place) {
  return {name, place};
}
template <class T>
concept HasMembers = requires { T::members(); };
template <class T>
concept Record = HasMembers<T> && std::same_as<decltype(T::record), const RecordType>;

// What is made of a text, and stored as that text.
template <class T>
concept MadeOfText = requires(const T& value, std::string text) {
  { value.text() } -> std::same_as<const std::string&>;
  T(std::move(text));
};

// A stored value that does not have the shape of its record.
struct UnreadableRecord : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A struct as a JSON object of its members, and back. members_from throws UnreadableRecord when a
// member has another type. The object and all in it stand in the memory that is given,
// and must not outlive it.
template <HasMembers T>
json::object members_of(const T& from, const json::storage_ptr& memory = {});
template <HasMembers T>
T members_from(const json::object& object);

namespace record_codec {
template <class T>
struct IsList : std::false_type {};
template <class T>
struct IsList<std::vector<T>> : std::true_type {};
template <class T>
struct IsNamed : std::false_type {};
template <class T>
struct IsNamed<std::map<std::string, T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class>
inline constexpr bool kNoSuchMemberType = false;

template <class T>
json::value write(const T& value, const json::storage_ptr& memory) {
  if constexpr (HasMembers<T>) {
    return members_of(value, memory);
  } else if constexpr (MadeOfText<T>) {
    return json::value(value.text(), memory);
  } else if constexpr (IsOptional<T>::value) {
    return value ? write(*value, memory) : json::value();
  } else if constexpr (IsList<T>::value) {
    json::array out(memory);
    for (const auto& one : value) out.push_back(write(one, memory));
    return out;
  } else if constexpr (IsNamed<T>::value) {
    json::object out(memory);
    for (const auto& [name, one] : value) out[name] = write(one, memory);
    return out;
  } else {
    return json::value(value, memory);
  }
}

[[noreturn]] void wrong_type(std::string_view member, std::string_view wanted);

template <class T>
void read(const json::value& from, std::string_view name, T& to) {
  if constexpr (HasMembers<T>) {
    if (!from.is_object()) wrong_type(name, "an object");
    to = members_from<T>(from.get_object());
  } else if constexpr (IsOptional<T>::value) {
    if (!from.is_null()) read(from, name, to.emplace());
  } else if constexpr (IsList<T>::value) {
    if (!from.is_array()) wrong_type(name, "a list");
    to.clear();
    for (const json::value& one : from.get_array()) {
      typename T::value_type item{};
      read(one, name, item);
      to.push_back(std::move(item));
    }
  } else if constexpr (IsNamed<T>::value) {
    if (!from.is_object()) wrong_type(name, "an object");
    to.clear();
    for (const auto& [key, one] : from.get_object()) read(one, name, to[std::string(key)]);
  } else if constexpr (std::same_as<T, std::string>) {
    if (!from.is_string()) wrong_type(name, "a string");
    to.assign(from.get_string().data(), from.get_string().size());
  } else if constexpr (MadeOfText<T>) {
    std::string text;
    read(from, name, text);
    to = T(std::move(text));
  } else if constexpr (std::same_as<T, bool>) {
    if (!from.is_bool()) wrong_type(name, "a boolean");
    to = from.get_bool();
  } else if constexpr (std::integral<T>) {
    json::error_code inexact;
    to = from.to_number<T>(inexact);
    if (inexact) wrong_type(name, "an integer");
  } else if constexpr (std::floating_point<T>) {
    if (!from.is_number()) wrong_type(name, "a number");
    to = from.to_number<T>();
  } else if constexpr (std::same_as<T, json::object>) {
    if (!from.is_object()) wrong_type(name, "an object");
    to = json::object(from.get_object(), json::storage_ptr());
  } else if constexpr (std::same_as<T, json::array>) {
    if (!from.is_array()) wrong_type(name, "a list");
    to = json::array(from.get_array(), json::storage_ptr());
  } else if constexpr (std::same_as<T, json::value>) {
    to = json::value(from, json::storage_ptr());
  } else {
    static_assert(kNoSuchMemberType<T>, "a record has no members of this type");
  }
}

template <class T>
std::string type_name() {
  if constexpr (HasMembers<T>) {
    std::string names;
    std::apply(
        [&](const auto&... one) {
          ((names += (names.empty() ? "" : ", ") + std::string(one.name) + ": " +
                     type_name<std::remove_cvref_t<decltype(std::declval<T&>().*one.place)>>()),
           ...);
        },
        T::members());
    return "{" + names + "}";
  } else if constexpr (IsOptional<T>::value) {
    return type_name<typename T::value_type>() + " or nothing";
  } else if constexpr (IsList<T>::value) {
    return "list of " + type_name<typename T::value_type>();
  } else if constexpr (IsNamed<T>::value) {
    return "map of " + type_name<typename T::mapped_type>();
  } else if constexpr (std::same_as<T, std::string> || MadeOfText<T>) {
    return "string";
  } else if constexpr (std::same_as<T, bool>) {
    return "boolean";
  } else if constexpr (std::integral<T>) {
    return "integer";
  } else if constexpr (std::floating_point<T>) {
    return "number";
  } else {
    return "JSON";
  }
}

// Every member with a value that is not its default.
template <class T>
T example(const T& other_than) {
  if constexpr (HasMembers<T>) {
    T out{};
    std::apply([&](const auto&... one) { ((out.*one.place = example(out.*one.place)), ...); },
               T::members());
    return out;
  } else if constexpr (IsOptional<T>::value) {
    return example(typename T::value_type{});
  } else if constexpr (IsList<T>::value) {
    return {example(typename T::value_type{})};
  } else if constexpr (IsNamed<T>::value) {
    return {{"name", example(typename T::mapped_type{})}};
  } else if constexpr (std::same_as<T, std::string> || MadeOfText<T>) {
    return std::string("text");
  } else if constexpr (std::same_as<T, bool>) {
    return !other_than;
  } else if constexpr (std::is_arithmetic_v<T>) {
    return other_than + 1;
  } else if constexpr (std::same_as<T, json::array>) {
    return {"kept"};
  } else {
    return json::object{{"kept", "as it came"}};
  }
}

constexpr char kUnversioned = '{';  // how a record of format 1 or 2 begins: its version is 1
// The members of a stored value, and the version that wrote them. UnreadableRecord.
json::object stored_members(std::string_view value, uint8_t& version);
}  // namespace record_codec

template <HasMembers T>
json::object members_of(const T& from, const json::storage_ptr& memory) {
  static const T defaults{};
  json::object out(memory);
  std::apply(
      [&](const auto&... one) {
        const auto add = [&](const auto& m) {
          if (!(from.*m.place == defaults.*m.place))
            out[m.name] = record_codec::write(from.*m.place, memory);
        };
        (add(one), ...);
      },
      T::members());
  if constexpr (requires { from.unknown; })
    for (const auto& [name, value] : from.unknown) out.emplace(name, value);
  return out;
}

template <HasMembers T>
T members_from(const json::object& object) {
  T out{};
  size_t known = 0;
  std::apply(
      [&](const auto&... one) {
        const auto take = [&](const auto& m) {
          const json::value* found = object.if_contains(m.name);
          if (!found) return;
          ++known;
          if (!found->is_null()) record_codec::read(*found, m.name, out.*m.place);
        };
        (take(one), ...);
      },
      T::members());
  if constexpr (requires { out.unknown; })
    if (known < object.size()) {
      out.unknown = json::object(object, json::storage_ptr());
      std::apply([&](const auto&... one) { (out.unknown.erase(one.name), ...); }, T::members());
    }
  return out;
}

// A record as it stands in the store. A type may have `static void upgrade(json::object& members,
// uint8_t from)`: what turns the members of an older version into those of this one. And it may
// have `void complete()`: what works out, once for all who read it, what stands beside the members.
template <Record R>
std::string encode(const R& record) {
  // Most records fit into this, and their members then take no other memory.
  std::array<unsigned char, 4096> usual;
  json::monotonic_resource memory(usual.data(), usual.size());
  return static_cast<char>(R::record.version) + json::serialize(members_of(record, &memory));
}
template <Record R>
R decode(std::string_view value) {  // UnreadableRecord
  uint8_t version = 0;
  json::object members = record_codec::stored_members(value, version);
  if constexpr (requires { R::upgrade(members, version); })
    if (version < R::record.version) R::upgrade(members, version);
  R record = members_from<R>(members);
  if constexpr (requires { record.complete(); }) record.complete();
  return record;
}

// What is told of a record: its layout, for docs/records.md and the fixtures of earlier versions,
// and whether a stored value can be read, for `sluice verify`.
struct RecordFacts {
  RecordType type;
  std::string example;                             // as it is stored, with every member
  std::string layout;                              // "{Name: string, Size: integer}"
  void (*read)(std::string_view value);            // UnreadableRecord
  std::string (*rewrite)(std::string_view value);  // read, and written as this version does
};
template <Record R>
RecordFacts facts_of() {
  return {R::record, encode(record_codec::example(R{})), record_codec::type_name<R>(),
          [](std::string_view value) { (void)decode<R>(value); },
          [](std::string_view value) { return encode(decode<R>(value)); }};
}

template <class R>
constexpr Snapshot::Form Snapshot::form_of() {
  return {&R::record, [](std::string_view stored) -> std::shared_ptr<const void> {
            return std::make_shared<const R>(decode<R>(stored));
          }};
}
template <class R>
std::shared_ptr<const R> Snapshot::get(const RecordKey<R>& key) const {
  return std::static_pointer_cast<const R>(value(key, form_of<R>()));
}
template <class R, class Fn>
void Snapshot::scan(const RecordPrefix<R>& prefix, std::string_view start, bool backwards,
                    const Fn& fn) const {
  scan(static_cast<const Key&>(prefix), start, backwards,
       [&](std::string_view key, std::string_view value) {
         std::optional<R> one;
         try {
           one = decode<R>(value);
         } catch (const UnreadableRecord& problem) {
           pass_over(key, problem.what());
           return true;
         }
         return static_cast<bool>(fn(key, *std::move(one)));
       });
}
template <class R>
std::shared_ptr<const R> Staged::look(const RecordKey<R>& key) {
  return std::static_pointer_cast<const R>(value(key, Snapshot::form_of<R>()));
}
template <class R>
std::optional<R> Staged::get(const RecordKey<R>& key) {
  const auto found = look(key);
  return found ? std::optional(*found) : std::nullopt;
}
template <class R>
void Staged::put(const RecordKey<R>& key, const R& record) {
  put(static_cast<const Key&>(key), encode(record));
}

}  // namespace sluice
