#include <algorithm>
#include <mutex>
#include <utility>

#include "handlers/raster/open_raster.hpp"

namespace coremachine::builtin {

struct RasterPool::Parts {
  std::mutex mutex;
  std::vector<std::pair<std::string, std::unique_ptr<OpenRaster>>> idle;  ///< the one that waits longest first
};

namespace {

/// What nobody closed, since its job failed, goes when others need the room.
constexpr std::size_t most_idle = 16;

}  // namespace

RasterPool::RasterPool() : parts_(std::make_unique<Parts>()) {}
RasterPool::~RasterPool() = default;

RasterPool& RasterPool::instance() {
  // Never destroyed: GDAL may be gone before it at the end of the process.
  static auto* const pool = new RasterPool;
  return *pool;
}

std::unique_ptr<OpenRaster> RasterPool::take(const std::string& key, const RasterRequest& request) {
  {
    const std::lock_guard lock(parts_->mutex);
    auto& idle = parts_->idle;
    const auto found = std::find_if(idle.rbegin(), idle.rend(), [&](const auto& each) { return each.first == key; });
    if (found != idle.rend()) {
      auto raster = std::move(found->second);
      idle.erase(std::next(found).base());
      return raster;
    }
  }
  return OpenRaster::open(request);
}

void RasterPool::give_back(const std::string& key, std::unique_ptr<OpenRaster> raster) {
  std::unique_ptr<OpenRaster> oldest;  // closed without the lock
  const std::lock_guard lock(parts_->mutex);
  auto& idle = parts_->idle;
  idle.emplace_back(key, std::move(raster));
  if (idle.size() <= most_idle) return;
  oldest = std::move(idle.front().second);
  idle.erase(idle.begin());
}

void RasterPool::close(const std::string& key) {
  std::vector<std::unique_ptr<OpenRaster>> closing;
  const std::lock_guard lock(parts_->mutex);
  for (auto& [of, raster] : parts_->idle) {
    if (of == key) closing.push_back(std::move(raster));
  }
  std::erase_if(parts_->idle, [](const auto& each) { return !each.second; });
}

}  // namespace coremachine::builtin
