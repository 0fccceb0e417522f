#include <algorithm>
#include <list>
#include <stdexcept>
#include <utility>

#include <boost/assert.hpp>

#include <coremachine/registry/job_handler.hpp>

namespace coremachine {

ResultSource::~ResultSource() = default;
json::value ResultSource::load(const ArtifactReference& reference) const {
  throw std::logic_error("there is no store for artifacts here: " + reference.id.str() + " cannot be read");
}
std::unique_ptr<NewArtifact> ResultSource::new_artifact(std::string_view) const {
  throw std::logic_error("there is no store for artifacts here");
}
StageOutcome::~StageOutcome() = default;
json::object StageOutcome::seal_output(std::string_view name) const {
  throw std::logic_error("there is no store for artifacts here: the output " + std::string(name) + " cannot be sealed");
}
StageFold::~StageFold() = default;
TaskSink::~TaskSink() = default;

/// Pages may hold different numbers of results; how many is learned as they are read, from the first on.
struct StageResults::Cache {
  static constexpr std::size_t kept_pages = 16;

  struct Slot {
    std::size_t number = 0;  ///< of the page
    std::size_t first = 0;   ///< position of its first result
    std::uint64_t last_use = 0;
    ResultSource::Page page;
    bool holds(std::size_t i) const { return i - first < page.values.size(); }
  };

  explicit Cache(std::shared_ptr<const ResultSource> from) : source(std::move(from)) {
    BOOST_ASSERT_MSG(source, "the results of a stage come from somewhere");
    size = static_cast<std::size_t>(source->completed());
    slots.reserve(kept_pages);
  }

  /// The page with the i-th result; good until sixteen other pages were read.
  const Slot& slot_of(std::size_t i) {
    if (current && current->holds(i)) return *current;
    if (i >= size) {
      throw std::out_of_range("result " + std::to_string(i) + " of a stage that has " + std::to_string(size));
    }
    const auto number = page_of(i);
    const auto found =
        std::find_if(slots.begin(), slots.end(), [&](const Slot& slot) { return slot.number == number; });
    current = found != slots.end() ? &*found : &keep(number, read(number));
    current->last_use = ++clock;
    return *current;
  }

  /// The value of the i-th result, which is kept as an artifact.
  const json::value& load(std::size_t i, const ArtifactReference& reference) {
    const auto found = std::find_if(large.begin(), large.end(), [&](const Large& each) { return each.position == i; });
    if (found != large.end()) return found->value;
    // Small ones may stay for a while; of huge ones there is never more than one.
    while (!large.empty() && large_bytes + reference.size > kept_bytes) {
      large_bytes -= large.front().bytes;
      large.pop_front();
    }
    large.push_back({i, reference.size, source->load(reference)});
    large_bytes += reference.size;
    return large.back().value;
  }

  std::shared_ptr<const ResultSource> source;
  std::size_t size = 0;

 private:
  struct Large {
    std::size_t position;
    std::uint64_t bytes;  ///< of its text
    json::value value;
  };
  static constexpr std::uint64_t kept_bytes = std::uint64_t{16} << 20U;

  std::size_t page_of(std::size_t i) {
    // A page on the way that does not have the result is not kept: it would push out one that is in use.
    while (ends.empty() || ends.back() <= i) {
      const auto number = ends.size();
      if (number >= source->pages()) {
        throw Failure(Error{ErrorCode::store_damaged, "the pages of a stage hold " +
                                                          std::to_string(ends.empty() ? 0 : ends.back()) + " of its " +
                                                          std::to_string(size) + " results"});
      }
      auto page = read(number);
      ends.push_back((ends.empty() ? 0 : ends.back()) + page.values.size());
      if (ends.back() > i) keep(number, std::move(page));
    }
    return static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), i) - ends.begin());
  }

  ResultSource::Page read(std::size_t number) const {
    auto page = source->page(number);
    if (page.indexes.size() != page.values.size()) {
      throw Failure(Error{ErrorCode::store_damaged, "page " + std::to_string(number) + " of a stage has " +
                                                        std::to_string(page.values.size()) + " results of " +
                                                        std::to_string(page.indexes.size()) + " tasks"});
    }
    return page;
  }

  Slot& keep(std::size_t number, ResultSource::Page page) {
    if (slots.size() < kept_pages) {
      slots.emplace_back();
    } else {
      // The one that was not used for longest makes room.
      const auto oldest = std::min_element(slots.begin(), slots.end(),
                                           [](const Slot& a, const Slot& b) { return a.last_use < b.last_use; });
      std::iter_swap(oldest, slots.end() - 1);
    }
    auto& slot = slots.back();
    slot = Slot{number, number == 0 ? 0 : ends[number - 1], ++clock, std::move(page)};
    current = &slot;
    return slot;
  }

  std::vector<std::size_t> ends = {};  ///< how many results the pages up to and with each one have
  std::vector<Slot> slots = {};
  std::list<Large> large = {};  ///< in the order in which they were read
  std::uint64_t large_bytes = 0;
  Slot* current = nullptr;
  std::uint64_t clock = 0;
};

StageResults::StageResults(std::shared_ptr<const ResultSource> source)
    : cache_(std::make_unique<Cache>(std::move(source))) {}
StageResults::~StageResults() = default;
StageResults::StageResults(StageResults&&) noexcept = default;
StageResults& StageResults::operator=(StageResults&&) noexcept = default;

std::size_t StageResults::size() const {
  return cache_->size;
}
std::uint64_t StageResults::total() const {
  return cache_->source->total();
}
std::uint64_t StageResults::failed() const {
  return cache_->source->failed();
}

std::vector<TaskFailureRecord> StageResults::failures(std::size_t limit) const {
  return cache_->source->failures(limit);
}

const json::value* StageResults::signal() const {
  return cache_->source->signal();
}

const json::value& StageResults::operator[](std::size_t i) const {
  const auto& slot = cache_->slot_of(i);
  const auto& value = slot.page.values[i - slot.first];
  const auto kept = parse_automatic_reference(value);
  return kept ? cache_->load(i, *kept) : value;
}

std::optional<ArtifactReference> StageResults::reference(std::size_t i) const {
  const auto& slot = cache_->slot_of(i);
  return parse_automatic_reference(slot.page.values[i - slot.first]);
}

json::object StageResults::seal_output(std::string_view name) const {
  return cache_->source->seal_output(name);
}

std::unique_ptr<NewArtifact> StageResults::new_artifact(std::string_view media_type) const {
  return cache_->source->new_artifact(media_type);
}

TaskIndex StageResults::index_of(std::size_t i) const {
  const auto& slot = cache_->slot_of(i);
  return slot.page.indexes[i - slot.first];
}

}  // namespace coremachine
