#include "core/store/sqlite/backup.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <sqlite3.h>

namespace coremachine::sqlite {
namespace {

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : value_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  bool is_open() const { return value_ >= 0; }
  bool sync() const { return is_open() && ::fsync(value_) == 0; }

 private:
  int value_;
};

Error cannot(const std::string& what, const std::string& path) {
  const int number = errno;
  const auto code = number == ENOSPC || number == EDQUOT ? ErrorCode::store_full : ErrorCode::store_failed;
  return Error{code, "cannot " + what + " " + path + ": " + std::generic_category().message(number)};
}

void copy_pages(Connection& from, Connection& to) {
  auto* backup = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (!backup) throw SqliteError(to.handle(), sqlite3_extended_errcode(to.handle()), "beginning a copy");
  const int code = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) throw SqliteError(nullptr, code, "copying");
}

}  // namespace

Result<void> copy_database(Connection& from, const std::string& to, const std::string& vfs) {
  {
    const Descriptor made(to, O_WRONLY | O_CREAT | O_EXCL);
    if (!made.is_open() && errno == EEXIST) return Error{ErrorCode::invalid_argument, to + " exists already"};
    if (!made.is_open() && errno == ENOENT) {
      return Error{ErrorCode::invalid_argument, "cannot make " + to + ": there is no directory for it"};
    }
    if (!made.is_open()) return cannot("make", to);
  }
  const auto abandon = [&](Error error) {
    ::unlink(to.c_str());
    return error;
  };
  try {
    Connection copy(to, vfs, Connection::Role::copy);
    copy_pages(from, copy);
  } catch (const SqliteError& error) {
    return abandon(to_error(error, to));
  }
  const Descriptor file(to, O_RDONLY);
  if (!file.sync()) return abandon(cannot("sync", to));
  const auto folder = std::filesystem::absolute(to).parent_path().string();
  const Descriptor directory(folder, O_RDONLY | O_DIRECTORY);
  if (!directory.sync()) return abandon(cannot("sync", folder));
  return {};
}

}  // namespace coremachine::sqlite
