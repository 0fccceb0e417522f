#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include <coremachine/registry/task_handler.hpp>

#include "core/model/utf8.hpp"
#include "handlers/container.hpp"
#include "handlers/refusal.hpp"

namespace coremachine::builtin {

namespace {

bool is_gone(int error) {
  return error == ENOENT || error == ENOTDIR;
}
bool is_denied(int error) {
  return error == EACCES || error == EPERM;
}
std::string message_of(int error) {
  return std::generic_category().message(error);
}

[[noreturn]] void fail_at(const std::string& path, int error) {
  throw TaskFailure{.type = is_denied(error) ? "not_readable" : "io_error",
                    .message = quoted_path(path) + " cannot be read: " + message_of(error),
                    .kind = is_denied(error) ? TaskFailure::Kind::permanent : TaskFailure::Kind::retry};
}

Blob blob_of(std::string name, const struct stat& status) {
  const auto time = std::chrono::seconds(status.st_mtim.tv_sec) + std::chrono::nanoseconds(status.st_mtim.tv_nsec);
  return {std::move(name), static_cast<std::uint64_t>(status.st_size),
          std::chrono::floor<Milliseconds>(std::chrono::sys_time<std::chrono::nanoseconds>(time))};
}

/// One walk down the tree. A directory is read as a whole and left again before its files are looked at, so that only
/// the names of the directories on the way are in memory.
class Walk {
 public:
  Walk(const std::string& root, const std::string& prefix, Listing& listing)
      : root_(root), prefix_(prefix), listing_(listing) {}

  /// False: it is enough.
  bool enter(const std::string& inside) {
    NameList names;
    if (!read_names(inside, names)) return true;
    names.sort();
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (listing_.cancelled()) return false;
      const auto name = inside + std::string(names[i]);
      if (!(name.ends_with('/') ? enter(name) : look_at(name))) return false;
    }
    return true;
  }

 private:
  bool read_names(const std::string& inside, NameList& names) {
    const auto path = root_ + "/" + inside;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
    if (!directory) {
      miss(inside, path, errno);
      return false;
    }
    errno = 0;
    while (const auto* entry = ::readdir(directory.get())) {
      const std::string_view name(entry->d_name);
      if (name != "." && name != "..") take(*entry, ::dirfd(directory.get()), inside, names);
      errno = 0;
    }
    if (errno != 0) miss(inside, path, errno);
    return true;
  }

  void take(const dirent& entry, int directory, const std::string& inside, NameList& names) {
    auto type = entry.d_type;
    if (type == DT_UNKNOWN) {
      struct stat status {};
      if (::fstatat(directory, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) return;
      type = S_ISDIR(status.st_mode) ? DT_DIR : S_ISREG(status.st_mode) ? DT_REG : DT_LNK;
    }
    if (type != DT_DIR && type != DT_REG) return;
    const auto name = inside + entry.d_name + (type == DT_DIR ? "/" : "");
    const auto shared = type == DT_DIR ? std::min(name.size(), prefix_.size()) : prefix_.size();
    if (name.compare(0, shared, prefix_, 0, shared) == 0) names.add(entry.d_name, type == DT_DIR);
  }

  bool look_at(const std::string& name) {
    if (find_invalid_utf8(name) != std::string::npos) {
      listing_.skip();
      return true;
    }
    const auto path = root_ + "/" + name;
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
      if (!is_gone(errno)) miss(name, path, errno);
      return true;
    }
    return !S_ISREG(status.st_mode) || listing_.add(blob_of(name, status));
  }

  /// What is below the root and is closed to us is told of; the root itself, and what may do better another time, is
  /// not to be passed over.
  void miss(const std::string& inside, const std::string& path, int error) {
    if (inside.empty()) fail_at(root_, error);
    if (is_gone(error)) return;
    if (!is_denied(error) && error != ENAMETOOLONG && error != ELOOP) fail_at(path, error);
    listing_.miss(inside, message_of(error));
  }

  const std::string& root_;
  const std::string& prefix_;
  Listing& listing_;
};

class FileContent : public BlobContent {
 public:
  FileContent(std::string path, int file, std::uint64_t size) : path_(std::move(path)), file_(file), size_(size) {
    ::posix_fadvise(file_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  ~FileContent() override { ::close(file_); }
  FileContent(const FileContent&) = delete;
  FileContent& operator=(const FileContent&) = delete;

  std::size_t read(char* to, std::size_t n) override {
    for (;;) {
      const auto got = ::read(file_, to, n);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) fail_at(path_, errno);
    }
  }
  std::uint64_t size_hint() const override { return size_; }

 private:
  std::string path_;
  int file_;
  std::uint64_t size_;
};

class Directory : public Container {
 public:
  explicit Directory(std::string path) : path_(std::move(path)) {}

  void list(const std::string& prefix, Listing& listing) const override {
    require_directory();
    Walk(path_, prefix, listing).enter("");
  }

  std::unique_ptr<BlobContent> open(const std::string& name) const override {
    const auto path = path_ + "/" + name;
    // Not blocking: the open of a pipe would wait for somebody to write into it.
    const int file = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) refuse_blob(path, errno);
    struct stat status {};
    const int error = ::fstat(file, &status) == 0 ? 0 : errno;
    if (error == 0 && S_ISREG(status.st_mode)) {
      return std::make_unique<FileContent>(path, file, static_cast<std::uint64_t>(status.st_size));
    }
    ::close(file);
    refuse_blob(path, error == 0 ? ELOOP : error);
  }

 private:
  void require_directory() const {
    struct stat status {};
    const auto quoted = quoted_path(path_);
    if (::stat(path_.c_str(), &status) != 0) {
      if (!is_gone(errno)) fail_at(path_, errno);
      refuse_params("container_name: " + quoted + " does not exist, should be a directory that this process can read");
    }
    if (S_ISDIR(status.st_mode)) return;
    refuse_params("container_name: " + quoted + " is no directory, should be a directory that this process can read");
  }

  [[noreturn]] static void refuse_blob(const std::string& path, int error) {
    // A link that was not followed, a socket, a device that is not there.
    const bool is_other = error == ELOOP || error == ENXIO || error == ENODEV;
    if (!is_gone(error) && !is_other) fail_at(path, error);
    throw TaskFailure{.type = is_other ? "not_a_file" : "not_found",
                      .message = quoted_path(path) + (is_other ? " is no regular file" : " does not exist (any more)"),
                      .kind = TaskFailure::Kind::permanent};
  }

  std::string path_;
};

}  // namespace

std::unique_ptr<Container> open_directory(const std::string& path) {
  return std::make_unique<Directory>(path);
}

}  // namespace coremachine::builtin
