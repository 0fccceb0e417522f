#include "core/ports/job_filter.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "core/model/codec.hpp"

namespace coremachine {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool contains(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) { return lower(a) == lower(b); };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

std::vector<std::string> read_tags(const JobWords& words) {
  std::vector<std::string> tags;
  if (words.tags == "[]") return tags;
  JsonReader in(words.tags);
  in.to(tags);
  return tags;
}

std::string read_message(const JobWords& words) {
  JsonReader in(words.error);
  return codec::read_error(in).message;
}

bool fits_tags(const JobFilter& filter, const std::vector<std::string>& tags) {
  return std::all_of(filter.tags.begin(), filter.tags.end(),
                     [&](const auto& wanted) { return std::find(tags.begin(), tags.end(), wanted) != tags.end(); });
}

}  // namespace

bool fits_words(const JobFilter& filter, const JobWords& words) {
  try {
    const auto tags = read_tags(words);
    if (!fits_tags(filter, tags)) return false;
    const auto& part = filter.search;
    if (part.empty() || contains(words.id, part) || contains(words.type, part)) return true;
    if (std::any_of(tags.begin(), tags.end(), [&](const auto& tag) { return contains(tag, part); })) return true;
    return !words.error.empty() && contains(read_message(words), part);
  } catch (const JsonMismatch& mismatch) {
    throw Failure(
        Error{ErrorCode::store_damaged, "the store is damaged: job " + std::string(words.id) + ": " + mismatch.what()});
  }
}

}  // namespace coremachine
