#pragma once

#include <cerrno>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>

#include <unistd.h>

#include "core/store/files/file_calls.hpp"

namespace coremachine::support {

/// A disk that fails when it is told to: the usual calls, counted, and one of them refused.
class FaultyFiles final : public files::FileCalls {
 public:
  /// The n-th call from now on that changes something (0 is the next) fails with this error number. A write that fails
  /// has written half of what it was given.
  void fail(std::uint64_t nth, int number) {
    const std::lock_guard lock(mutex_);
    left_ = nth;
    number_ = number;
    is_armed_ = true;
    failed_ = {};
  }
  void fail_reads(int number) { read_number_ = number; }
  void heal() {
    const std::lock_guard lock(mutex_);
    is_armed_ = false;
    read_number_ = 0;
  }

  /// What failed: "create", "mkdir", "write", "sync" or "rename", and on what; empty if nothing did.
  std::string failed_call() const { return failed_.call; }
  std::string failed_path() const { return failed_.path; }
  /// A sync was asked for of something of which one had failed.
  bool retried_sync() const { return retried_sync_; }
  std::uint64_t syncs() const { return syncs_; }

  int create(const char* path) override { return refused("create", path) ? -1 : FileCalls::create(path); }
  int make_directory(const char* path) override {
    return refused("mkdir", path) ? -1 : FileCalls::make_directory(path);
  }
  ssize_t write(int descriptor, const char* from, std::size_t n, off_t at) override {
    if (!refused("write", path_of(descriptor))) return FileCalls::write(descriptor, from, n, at);
    FileCalls::write(descriptor, from, n / 2, at);
    errno = number_;
    return -1;
  }
  ssize_t read(int descriptor, char* to, std::size_t n, off_t at) override {
    if (read_number_ == 0) return FileCalls::read(descriptor, to, n, at);
    errno = read_number_;
    return -1;
  }
  int sync(int descriptor) override {
    const auto path = path_of(descriptor);
    {
      const std::lock_guard lock(mutex_);
      ++syncs_;
      if (unsynced_.contains(path)) retried_sync_ = true;
    }
    if (!refused("sync", path)) return 0;  // the tests do not cut the power: nothing has to wait for the disk
    const std::lock_guard lock(mutex_);
    unsynced_.insert(path);
    return -1;
  }
  int rename(const char* from, const char* to) override {
    return refused("rename", to) ? -1 : FileCalls::rename(from, to);
  }

 private:
  struct Call {
    std::string call;
    std::string path;
  };

  static std::string path_of(int descriptor) {
    std::string path(4096, '\0');
    const auto link = "/proc/self/fd/" + std::to_string(descriptor);
    const auto size = ::readlink(link.c_str(), path.data(), path.size());
    path.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return path;
  }

  bool refused(const char* call, const std::string& path) {
    const std::lock_guard lock(mutex_);
    if (!is_armed_ || left_-- > 0) return false;
    is_armed_ = false;
    failed_ = {call, path};
    errno = number_;
    return true;
  }

  std::mutex mutex_;
  bool is_armed_ = false;
  std::uint64_t left_ = 0;
  int number_ = 0;
  int read_number_ = 0;
  Call failed_;
  std::set<std::string> unsynced_;
  bool retried_sync_ = false;
  std::uint64_t syncs_ = 0;
};

}  // namespace coremachine::support
