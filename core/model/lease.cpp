#include "core/model/lease.hpp"

#include <algorithm>

#include "core/model/json_reader.hpp"
#include "core/model/json_writer.hpp"

namespace coremachine {

std::string encode_lease(const Lease& lease) {
  const auto& slice = lease.slice;
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  out.key("job");
  out.word(slice.job.str());
  out.key("stage");
  out.number(slice.stage);
  out.key("round");
  out.number(slice.round);
  out.member("defined_in", slice.defined_in, slice.round);
  out.key("chunk");
  out.number(slice.chunk);
  out.key("first");
  out.number(slice.first);
  out.key("count");
  out.number(slice.count);
  out.numbers_member("offsets", slice.offsets);
  out.numbers_member("attempts", slice.attempts);
  out.key("offered_at");
  out.number(slice.offered_at);
  out.key("type");
  out.word(lease.task_type);
  out.key("worker");
  out.string(lease.worker);
  out.key("kind");
  out.string(lease.kind);
  out.flag("alone", lease.alone);
  out.end_object();
  return text;
}

Lease decode_lease(std::string_view text) {
  Lease lease;
  auto& slice = lease.slice;
  JsonReader in(text);
  const auto read_job = [&] {
    const auto id = JobId::parse(in.plain_string());
    if (!id) in.mismatch("a lease has a job id that is none");
    slice.job = *id;
  };
  in.object([&](std::string_view name) {
    if (name == "job") return read_job();
    if (name == "stage") return in.to(slice.stage);
    if (name == "round") return in.to(slice.round);
    if (name == "defined_in") return in.to(slice.defined_in);
    if (name == "chunk") return in.to(slice.chunk);
    if (name == "first") return in.to(slice.first);
    if (name == "count") return in.to(slice.count);
    if (name == "offsets") return in.to(slice.offsets);
    if (name == "attempts") return in.to(slice.attempts);
    if (name == "offered_at") return in.to(slice.offered_at);
    if (name == "type") return in.to(lease.task_type);
    if (name == "worker") return in.to(lease.worker);
    if (name == "kind") return in.to(lease.kind);
    if (name == "alone") return in.to(lease.alone);
    in.mismatch("a lease has an unknown member");
  });
  in.end();
  if (slice.defined_in == 0) slice.defined_in = slice.round;
  const auto fits = [&](const auto& list) { return list.empty() || list.size() == slice.count; };
  if (slice.count == 0 || !fits(slice.offsets) || !fits(slice.attempts))
    in.mismatch("the lists of a lease do not fit together");
  return lease;
}

}  // namespace coremachine
