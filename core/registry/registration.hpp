#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coremachine/model/error.hpp>
#include <coremachine/model/ids.hpp>

#include "core/model/suggest.hpp"

// The rules that both registries have in common. `kind` is what is registered: "job type", "task".

namespace coremachine::registration {

inline std::string place(const std::source_location& where) {
  return std::string(where.file_name()) + ":" + std::to_string(where.line());
}

[[noreturn]] inline void refuse(ErrorCode code, std::string message) {
  throw Failure(Error{code, std::move(message)});
}

inline void check_thawed(bool frozen, std::string_view kind, std::string_view act) {
  if (!frozen) return;
  refuse(ErrorCode::wrong_state, std::string(act) + ": the registry of " + std::string(kind) +
                                     "s is frozen, since a machine has started on it");
}

inline void check_name(std::string_view kind, std::string_view name, const std::source_location& where) {
  if (is_valid_name(name)) return;
  refuse(ErrorCode::invalid_name,
         std::string(kind) + " " + quoted_name(name) + " at " + place(where) + ": a name is " + std::string(name_rule));
}

template <class Entries, class Entry>
void insert(Entries& entries, std::string_view kind, std::string name, Entry entry) {
  const auto where = entry.where;
  const auto [found, inserted] = entries.try_emplace(std::move(name), std::move(entry));
  if (inserted) return;
  refuse(ErrorCode::invalid_argument, std::string(kind) + " \"" + found->first + "\" is registered twice: at " +
                                          place(found->second.where) + " and at " + place(where));
}

template <class Entries>
Error unknown(const Entries& entries, ErrorCode code, std::string_view kind, std::string_view name) {
  std::vector<std::string_view> known;
  known.reserve(entries.size());
  for (const auto& [known_name, entry] : entries) known.push_back(known_name);
  return Error{code, describe_unknown(kind, name, known)};
}

inline bool has_all(const std::vector<std::string>& tags, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const std::string& tag) { return std::find(tags.begin(), tags.end(), tag) != tags.end(); });
}

/// The infos of the entries that have all of the tags, in the order of their names.
template <class Info, class Entries>
std::vector<Info> infos_with(const Entries& entries, const std::vector<std::string>& tags) {
  std::vector<Info> infos;
  for (const auto& [name, entry] : entries) {
    if (has_all(entry.info.tags, tags)) infos.push_back(entry.info);
  }
  return infos;
}

inline void check_problems(const std::vector<std::string>& problems, std::string_view kind) {
  if (problems.empty()) return;
  std::string message = std::to_string(problems.size()) + " registration" + (problems.size() == 1 ? "" : "s") + " of " +
                        std::string(kind) + "s went wrong:";
  for (const auto& problem : problems) message.append("\n  ").append(problem);
  refuse(ErrorCode::invalid_argument, std::move(message));
}

// A frozen registry is read without its mutex: whoever sees the flag set also sees the entries as they stay.

inline bool is_set(const bool& frozen) {
  return std::atomic_ref<bool>(const_cast<bool&>(frozen)).load(std::memory_order_acquire);
}
inline void set(bool& frozen) {
  std::atomic_ref<bool>(frozen).store(true, std::memory_order_release);
}

}  // namespace coremachine::registration
