#include "core/runtime/handler_artifacts.hpp"

#include "core/model/json_text.hpp"

namespace coremachine::runtime {
namespace {

class Writing final : public NewArtifact {
 public:
  Writing(LargeValues& large, ArtifactHolds& holds, std::string_view media_type)
      : large_(large), holds_(holds), writer_(large.begin(media_type)) {}

  void write(std::string_view bytes) override { large_.checked(writer_->write(bytes)); }
  json::object finish() override {
    auto pinned = large_.checked(writer_->finish());
    holds_.pins.push_back(std::move(pinned.pin));
    return to_json(reference_to(pinned.info));
  }

 private:
  LargeValues& large_;
  ArtifactHolds& holds_;
  std::unique_ptr<ArtifactWriter> writer_;
};

class Reading final : public ArtifactContent {
 public:
  Reading(LargeValues& large, const ArtifactId& id) : large_(large), reader_(large.open(id)) {}

  const ArtifactInfo& info() const override { return reader_->info(); }
  std::size_t read(std::uint64_t offset, char* to, std::size_t n) override {
    return large_.checked(reader_->read(offset, to, n));
  }

 private:
  LargeValues& large_;
  std::unique_ptr<ArtifactReader> reader_;
};

class Appending final : public OutputRecords {
 public:
  Appending(LargeValues& large, ArtifactHolds& holds, std::shared_ptr<ArtifactAppender> appender)
      : large_(large), holds_(holds), appender_(std::move(appender)) {}

  bool append(std::string_view key, std::string_view lines) override {
    return large_.checked(appender_->append(key, lines)) > 0;
  }
  bool append(std::string_view key, const json::value& value) override {
    std::string line;
    if (const auto fault = append_json(line, value))
      throw Failure(Error{ErrorCode::handler_contract, "a record of an output is not valid JSON: " + *fault});
    large_.hold_named(line, holds_);
    return append(key, line);
  }

 private:
  LargeValues& large_;
  ArtifactHolds& holds_;
  std::shared_ptr<ArtifactAppender> appender_;
};

/// Each round has outputs of its own: what a round appended that a retry of the job discards is not in the way of the
/// round that takes its place.
std::string output_of(std::uint32_t round, std::string_view name) {
  return std::string(name) + "." + std::to_string(round);
}

}  // namespace

json::object HandlerArtifacts::keep(const json::value& value) {
  return to_json(reference_to(large_.keep(value, holds_)));
}

std::unique_ptr<NewArtifact> HandlerArtifacts::begin(std::string_view media_type) {
  return std::make_unique<Writing>(large_, holds_, media_type);
}

std::unique_ptr<ArtifactContent> HandlerArtifacts::open(const ArtifactId& id) {
  return std::make_unique<Reading>(large_, id);
}

std::shared_ptr<OutputRecords> HandlerArtifacts::output(std::uint32_t round, std::string_view name) {
  return std::make_shared<Appending>(large_, holds_, large_.output(job_, output_of(round, name)));
}

json::object HandlerArtifacts::seal(std::uint32_t round, std::string_view name) {
  auto sealed = large_.checked(large_.output(job_, output_of(round, name))->seal());
  holds_.pins.push_back(std::move(sealed.pin));
  return to_json(reference_to(sealed.info));
}

}  // namespace coremachine::runtime
