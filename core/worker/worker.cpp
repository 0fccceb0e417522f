#include <coremachine/worker/worker.hpp>

#include <utility>

#include "core/worker/crew.hpp"

namespace coremachine {

void throw_exception_from_error(const WorkerFault& fault, const boost::source_location&) {
  throw std::runtime_error(fault.what);
}

WorkerTransport::~WorkerTransport() = default;
WorkerArtifacts::~WorkerArtifacts() = default;

Worker::Worker(WorkerOptions options) : crew_(std::make_unique<Crew>(std::move(options))) {}
Worker::~Worker() = default;

WorkerEnd Worker::run() {
  return crew_->run();
}

void Worker::drain() {
  crew_->drain();
}

void Worker::hurry() {
  crew_->hurry();
}

const std::string& Worker::name() const {
  return crew_->name();
}

WorkerCounts Worker::counts() const {
  return crew_->counts();
}

}  // namespace coremachine
