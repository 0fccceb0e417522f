#include "core/runtime/large_values.hpp"

#include <algorithm>
#include <utility>

#include "core/model/json_text.hpp"
#include "core/model/value_parser.hpp"

namespace coremachine::runtime {
namespace {

constexpr std::string_view media_type = "application/json";
/// How every member that names an artifact begins in text that we wrote ourselves.
constexpr std::string_view name_key = "$artifact";
constexpr std::size_t piece_size = std::size_t{256} << 10U;
constexpr std::size_t kept_outputs = 256;

/// Sees whether text that comes in pieces may name an artifact.
class NameWatch {
 public:
  void see(std::string_view piece) {
    if (seen_) return;
    seen_ = piece.find(name_key) != std::string_view::npos;
    if (seen_) return;
    edge_.append(piece.substr(0, name_key.size() - 1));
    seen_ = edge_.find(name_key) != std::string::npos;
    const auto kept = std::min(piece.size(), name_key.size() - 1);
    edge_.assign(piece.substr(piece.size() - kept));
  }
  bool seen() const { return seen_; }

 private:
  std::string edge_ = {};  ///< the end of the piece before
  bool seen_ = false;
};

/// Reads all of an artifact, piece by piece.
template <class Take>
Result<void> read_through(ArtifactReader& reader, const Take& take) {
  std::string buffer(static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, reader.size())), '\0');
  for (std::uint64_t at = 0; at < reader.size();) {
    const auto got = reader.read(at, buffer.data(), buffer.size());
    if (!got) return got.error();
    take(std::string_view(buffer).substr(0, *got));
    at += *got;
  }
  return {};
}

}  // namespace

std::shared_ptr<ArtifactStore> LargeValues::store(bool must_exist) {
  std::shared_ptr<ArtifactStore> opened;
  {
    const std::lock_guard lock(mutex_);
    if (store_) return store_;
    if (closed_) throw ArtifactFailure(Error{ErrorCode::draining, "the machine has stopped"});
    if (!setup_.open)
      throw ArtifactFailure(Error{ErrorCode::invalid_argument, "this machine has no store for artifacts"});
    auto made = setup_.open(must_exist);
    if (!made && must_exist && made.error().code == ErrorCode::store_missing) return nullptr;
    if (!made) throw ArtifactFailure(made.error());
    opened = store_ = std::move(*made);
  }
  if (setup_.opened) setup_.opened();
  return opened;
}

std::shared_ptr<ArtifactStore> LargeValues::store_if_there() {
  return setup_.open ? store(true) : nullptr;
}

void LargeValues::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  recent_outputs_.clear();
  store_.reset();
}

void LargeValues::fail(const Error& error) {
  if (error.code == ErrorCode::store_failed && setup_.broke) {
    const auto kept = store_if_there();
    const auto broken = kept ? kept->broken() : std::nullopt;
    if (broken && !told_.exchange(true)) setup_.broke(*broken);
  }
  throw ArtifactFailure(error);
}

// ---- into the store ----

template <class Value>
std::optional<ArtifactInfo> LargeValues::store_text(const Value& value, ArtifactHolds& holds) {
  reach("StoreArtifact:before");
  auto writer = begin(media_type);
  NameWatch watch;
  Result<void> written;
  const bool done = write_json(value, [&](std::string_view piece) {
    watch.see(piece);
    written = writer->write(piece);
    return written.has_value();
  });
  if (!written) fail(written.error());
  if (!done) return std::nullopt;
  auto pinned = checked(writer->finish());
  holds.pins.push_back(std::move(pinned.pin));
  if (watch.seen()) hold_nested(pinned.info.id, holds);
  reach("StoreArtifact:after");
  return std::move(pinned.info);
}

/// What a value names counts for its job also while the value itself is an artifact.
void LargeValues::hold_nested(const ArtifactId& id, ArtifactHolds& holds) {
  ReferenceSearch search;
  auto reader = open(id);
  checked(read_through(*reader, [&](std::string_view piece) { search.add(piece); }));
  for (const auto& named : search.finish()) {
    if (auto pinned = store(false)->pin(named)) holds.add(named, std::move(pinned->pin));
  }
}

template <class Value>
std::optional<std::string> LargeValues::append_any(std::string& out, const Value& value, std::size_t limit,
                                                   ArtifactHolds& holds) {
  const auto before = out.size();
  switch (append_json_within(out, value, limit)) {
    case Appended::done: hold_named(std::string_view(out).substr(before), holds); return std::nullopt;
    case Appended::not_json: return fault_of_json(value);
    case Appended::too_long: break;
  }
  const auto kept = store_text(value, holds);
  if (!kept) return fault_of_json(value);
  holds.named.push_back(kept->id);
  auto reference = reference_to(*kept);
  reference.automatic = true;
  append_json(out, to_json(reference));
  return std::nullopt;
}

std::optional<std::string> LargeValues::append(std::string& out, const json::value& value, std::size_t limit,
                                               ArtifactHolds& holds) {
  return append_any(out, value, limit, holds);
}
std::optional<std::string> LargeValues::append(std::string& out, const json::object& object, std::size_t limit,
                                               ArtifactHolds& holds) {
  return append_any(out, object, limit, holds);
}

void LargeValues::hold_named(std::string_view text, ArtifactHolds& holds) {
  if (text.find(name_key) == std::string_view::npos || !setup_.open) return;
  for (const auto& id : find_references(text)) {
    const auto kept = store_if_there();
    if (!kept) return;
    if (auto pinned = kept->pin(id)) {
      holds.add(id, std::move(pinned->pin));
    } else if (pinned.error().code != artifact_missing && pinned.error().code != ErrorCode::store_damaged) {
      fail(pinned.error());
    }
  }
}

ArtifactInfo LargeValues::keep(const json::value& value, ArtifactHolds& holds) {
  auto kept = store_text(value, holds);
  if (kept) return std::move(*kept);
  throw Failure(Error{ErrorCode::handler_contract,
                      "the value of an artifact is not valid JSON: " + fault_of_json(value).value_or("")});
}

std::unique_ptr<ArtifactWriter> LargeValues::begin(std::string_view type) {
  stored_.fetch_add(1, std::memory_order_relaxed);
  return checked(store(false)->begin(type));
}

std::shared_ptr<ArtifactAppender> LargeValues::output(JobId job, std::string_view name) {
  auto output = checked(store(false)->output(job, name));
  const std::lock_guard lock(mutex_);
  const auto known = std::find(recent_outputs_.begin(), recent_outputs_.end(), output);
  if (known != recent_outputs_.end()) {
    recent_outputs_.splice(recent_outputs_.begin(), recent_outputs_, known);
  } else if (!closed_) {
    recent_outputs_.push_front(output);
    if (recent_outputs_.size() > kept_outputs) recent_outputs_.pop_back();
  }
  return output;
}

// ---- and out of it ----

std::unique_ptr<ArtifactReader> LargeValues::open(const ArtifactId& id) {
  const auto kept = store_if_there();
  if (!kept) fail(missing_artifact(id));
  return checked(kept->open(id));
}

json::value LargeValues::load(const ArtifactReference& reference) {
  const auto damaged = [&](const std::string& why) { return ArtifactFailure(Error{ErrorCode::store_damaged, why}); };
  try {
    auto reader = open(reference.id);
    ValueParser parser;
    boost::system::error_code fault;
    checked(read_through(*reader, [&](std::string_view piece) {
      if (!fault) parser.write(piece, fault);
    }));
    auto value = fault ? json::value() : parser.finish(fault);
    if (fault) throw damaged("the artifact " + reference.id.str() + " is not JSON: " + fault.message());
    return value;
  } catch (const ArtifactFailure& failure) {
    if (failure.error().code != artifact_missing) throw;
    throw damaged("the artifact " + reference.id.str() + ", which stands for a large value, is missing");
  }
}

json::value LargeValues::value_of(const Text& text) {
  auto value = parse_stored(*text);
  if (const auto reference = parse_automatic_reference(value)) value = load(*reference);
  return value;
}

}  // namespace coremachine::runtime
