#include "triggers/http/pages/page_files.hpp"

#include <algorithm>

namespace coremachine::http {

const PageFile* find_page_file(std::string_view path) {
  const auto& all = page_files();
  const auto at = std::find_if(all.begin(), all.end(), [&](const PageFile& file) { return file.path == path; });
  return at == all.end() ? nullptr : &*at;
}

}  // namespace coremachine::http
