#include <filesystem>

#include "core/store/files/artifact_files.hpp"
#include "core/store/files/file.hpp"
#include "core/store/files/file_calls.hpp"
#include "core/store/files/tree.hpp"

namespace coremachine {

namespace files {
namespace {

namespace fs = std::filesystem;

Result<void> copy_file(FileCalls& calls, const std::string& from, const std::string& to) {
  auto source = File::open(calls, from, false);
  if (!source) return source.error();
  auto target = File::create(calls, to);
  if (!target) return target.error();
  std::string piece(std::size_t{1} << 20U, '\0');
  for (std::uint64_t at = 0;;) {
    const auto got = source->read(at, piece.data(), piece.size());
    if (!got) return got.error();
    if (*got == 0) break;
    if (const auto written = target->write(std::string_view(piece).substr(0, *got), at); !written) return written;
    at += *got;
  }
  return target->sync();
}

Result<void> copy_directory(FileCalls& calls, const std::string& from, const std::string& to, bool is_root) {
  if (const auto made = make_directory(calls, to); !made) return made;
  const auto names = names_in(from);
  if (!names) return names.error();
  for (const auto& name : *names) {
    if (is_root && (name == "lock" || name == "tmp")) continue;  // of those who have it open
    const auto source = from + "/" + name;
    std::error_code unknown;
    const bool is_directory = fs::is_directory(source, unknown);
    const auto target = to + "/" + name;
    const auto copied = is_directory ? copy_directory(calls, source, target, false) : copy_file(calls, source, target);
    if (!copied) return copied;
  }
  return sync_directory(calls, to);
}

}  // namespace
}  // namespace files

Result<void> copy_artifact_files(const std::string& from, const std::string& to) {
  std::error_code unknown;
  if (std::filesystem::exists(to, unknown)) {
    return Error{ErrorCode::invalid_argument, to + " is there already"};
  }
  return files::copy_directory(files::system_calls(), from, to, true);
}

}  // namespace coremachine
