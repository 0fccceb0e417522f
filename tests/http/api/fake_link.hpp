#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/model/utf8.hpp"
#include "triggers/http/api/peer_link.hpp"

namespace coremachine::tests {

/// A way to other servers that ends here, and notes what is sent. Like PostgreSQL it takes UTF-8 alone.
class FakeLink : public http::PeerLink {
 public:
  std::optional<http::Peer> owner_elsewhere(JobId) override { return std::nullopt; }
  std::map<LeaseId, LeasePlace> places_of(const std::vector<LeaseId>& leases) override {
    std::map<LeaseId, LeasePlace> places;
    for (const auto lease : leases) places[lease];
    return places;
  }
  std::vector<http::Peer> others() override { return {2}; }
  std::optional<http::Peer> first_elsewhere() override { return std::nullopt; }
  void send(http::Peer to, std::string text) override {
    std::unique_lock lock(mutex_);
    sending_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    const bool bad = !failing_.empty() && text.find(failing_) != std::string::npos;
    if (bad || find_invalid_utf8(text) != std::string::npos) throw Failure(Error{ErrorCode::store_failed, "not taken"});
    sent_.emplace_back(to, std::move(text));
    changed_.notify_all();
  }

  /// From now on whoever sends waits.
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  void wait_for_sender() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return sending_; });
  }
  /// Messages with this in them cannot be sent.
  void fail_on(std::string part) {
    const std::lock_guard lock(mutex_);
    failing_ = std::move(part);
  }
  std::vector<std::string> texts() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> texts;
    for (const auto& [to, text] : sent_) texts.push_back(text);
    return texts;
  }
  /// Waits for the first message that has this in it.
  std::string wait_for(const std::string& part) {
    std::unique_lock lock(mutex_);
    std::string found;
    changed_.wait(lock, [&] {
      for (const auto& [to, text] : sent_) {
        if (text.find(part) != std::string::npos) found = text;
        if (!found.empty()) return true;
      }
      return false;
    });
    return found;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  bool sending_ = false;
  std::string failing_;
  std::vector<std::pair<http::Peer, std::string>> sent_;
};

}  // namespace coremachine::tests
