#include "triggers/cli/stage_counts.hpp"

#include "triggers/cli/output.hpp"

namespace coremachine::cli {
namespace {

std::uint64_t number(const boost::json::object& counts, std::string_view key) {
  const auto* value = counts.if_contains(key);
  return value && value->is_number() ? value->to_number<std::uint64_t>() : 0;
}

}  // namespace

StageCounts::StageCounts(const boost::json::object& tasks)
    : total(number(tasks, "total")),
      completed(number(tasks, "completed")),
      failed(number(tasks, "failed") + number(tasks, "dead")),
      cancelled(number(tasks, "cancelled")),
      retrying(number(tasks, "retrying")) {}

std::vector<std::string> StageCounts::words(std::string_view noun) const {
  std::vector<std::string> words{grouped(done()) + "/" + grouped(total) + std::string(noun)};
  if (failed > 0) words.push_back(grouped(failed) + " failed");
  if (cancelled > 0) words.push_back(grouped(cancelled) + " cancelled");
  if (retrying > 0) words.push_back(grouped(retrying) + " retrying");
  return words;
}

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace coremachine::cli
