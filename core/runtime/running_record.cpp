#include "core/runtime/running_record.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace coremachine::runtime {

RunningRecord::RunningRecord(const std::string& path) {
  constexpr auto bytes = slot_count * sizeof(Slot);
  if (path.empty()) {
    own_ = std::make_unique<Slot[]>(slot_count);
    slots_ = own_.get();
  } else {
    const auto fail = [&](const char* what) {
      const std::string why = std::strerror(errno);
      if (file_ >= 0) ::close(file_);
      throw Failure(Error{ErrorCode::store_failed, std::string("cannot ") + what + " " + path + ": " + why});
    };
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0) fail("open");
    if (::ftruncate(file_, static_cast<off_t>(bytes)) != 0) fail("size");
    void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
    if (mapped == MAP_FAILED) fail("map");
    slots_ = static_cast<Slot*>(mapped);
    read_suspects();
  }
  free_.reserve(slot_count);
  // The last one is the spare that nobody owns.
  for (std::size_t i = slot_count - 1; i-- > 0;) free_.push_back(&slots_[i]);
}

RunningRecord::~RunningRecord() {
  if (file_ < 0) return;
  ::munmap(slots_, slot_count * sizeof(Slot));
  ::close(file_);
}

void RunningRecord::read_suspects() {
  for (std::size_t i = 0; i < slot_count; ++i) {
    auto& slot = slots_[i];
    const auto state = slot.state.load();
    if ((state & 1U) != 0) {
      machine::Suspect suspect;
      suspect.job = JobId{slot.job_high, slot.job_low};
      suspect.boundary = (state & 2U) != 0;
      suspect.alone = (state & 4U) != 0;
      suspect.round = static_cast<RoundNumber>(slot.round);
      suspect.index = slot.index.load();
      suspects_.push_back(suspect);
    }
    slot.clear();
  }
}

RunningRecord::Slot* RunningRecord::acquire() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return &slots_[slot_count - 1];
  auto* slot = free_.back();
  free_.pop_back();
  return slot;
}

void RunningRecord::release(Slot* slot) {
  slot->clear();
  const std::lock_guard lock(mutex_);
  if (slot != &slots_[slot_count - 1]) free_.push_back(slot);
}

}  // namespace coremachine::runtime
