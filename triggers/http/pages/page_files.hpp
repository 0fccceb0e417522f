#pragma once

#include <string_view>
#include <vector>

namespace coremachine::http {

/// One file of the dashboard, as it was in web/ when the program was built; all modules of it are one script.
struct PageFile {
  std::string_view path;  ///< `/`, or `/assets/VERSION/…`: the version names the content of all of them
  std::string_view media_type;
  std::string_view hash;  ///< of its content
  std::string_view plain;
  std::string_view gzip;  ///< the same, compressed
};

/// All of them, by path. They are there for as long as the program runs.
const std::vector<PageFile>& page_files();

/// Nothing: there is no such file.
const PageFile* find_page_file(std::string_view path);

}  // namespace coremachine::http
