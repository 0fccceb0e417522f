#include "core/runtime/uploads.hpp"

#include <vector>

#include "core/runtime/handler_artifacts.hpp"

namespace coremachine::runtime {
namespace {

class Upload final : public NewArtifact {
 public:
  Upload(Uploads& uploads, LargeValues& large, std::string_view media_type)
      : uploads_(uploads), artifacts_(large, JobId{}), writing_(artifacts_.begin(media_type)) {}

  void write(std::string_view bytes) override { writing_->write(bytes); }
  json::object finish() override {
    auto reference = writing_->finish();
    uploads_.hold(artifacts_.take());
    return reference;
  }

 private:
  Uploads& uploads_;
  HandlerArtifacts artifacts_;
  std::unique_ptr<NewArtifact> writing_;
};

}  // namespace

std::unique_ptr<NewArtifact> Uploads::begin(std::string_view media_type) {
  return std::make_unique<Upload>(*this, large_, media_type);
}

void Uploads::hold(ArtifactHolds holds, Clock::time_point now) {
  std::vector<ArtifactHolds> over;  // let go outside of the lock
  const std::lock_guard lock(mutex_);
  while (!held_.empty() && held_.front().first <= now) {
    over.push_back(std::move(held_.front().second));
    held_.pop_front();
  }
  held_.emplace_back(now + kept_for, std::move(holds));
}

void Uploads::clear() {
  std::deque<std::pair<Clock::time_point, ArtifactHolds>> all;
  const std::lock_guard lock(mutex_);
  all.swap(held_);
}

}  // namespace coremachine::runtime
