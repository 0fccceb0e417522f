#include "core/store/postgres/append_queue.hpp"

#include <utility>

namespace coremachine::postgres {
namespace {

// Who seals or drops the output is waited for, or waits.
constexpr char put_records[] =
    "WITH own AS MATERIALIZED (SELECT number FROM job_output WHERE number = $1 AND generation = $2 FOR SHARE), "
    "put AS (INSERT INTO job_output_record (output, seq, key, bytes) SELECT own.number, record.* FROM own, "
    "LATERAL (SELECT unnest($3), unnest($4), unnest($5)) record ON CONFLICT (output, key) DO NOTHING RETURNING 1) "
    "SELECT (SELECT count(*) FROM own), (SELECT count(*) FROM put)";
constexpr char count_records[] = "SELECT count(*) FROM job_output_record WHERE output = $1 AND seq = ANY ($2)";

/// What one transaction takes, unless one request alone is larger.
constexpr std::size_t most_bytes = std::size_t{4} << 20U;

}  // namespace

Result<AppendQueue::Appended> AppendQueue::append(std::int64_t output, std::int64_t generation,
                                                  std::span<const OutputRecord> records) {
  Request request{.output = output, .generation = generation};
  for (const auto& record : records) {
    request.keys.put(Bytes{record.key});
    request.bytes.put(Bytes{record.bytes});
  }
  std::unique_lock lock(mutex_);
  // In the order in which they are written.
  for (std::size_t i = 0; i < records.size(); ++i) request.seqs.put(shelf_.next_number());
  waiting_.push_back(&request);
  while (!request.done) {
    if (writes_) {
      written_.wait(lock);
      continue;
    }
    writes_ = true;
    const auto requests = take();
    lock.unlock();
    write(requests);
    lock.lock();
    for (auto* each : requests) each->done = true;
    writes_ = false;
    written_.notify_all();
  }
  return std::move(request.outcome);
}

std::vector<AppendQueue::Request*> AppendQueue::take() {
  std::vector<Request*> taken;
  for (std::size_t bytes = 0; !waiting_.empty(); waiting_.pop_front()) {
    bytes += waiting_.front()->bytes.bytes() + waiting_.front()->keys.bytes();
    if (!taken.empty() && bytes > most_bytes) break;
    taken.push_back(waiting_.front());
  }
  return taken;
}

void AppendQueue::write(const std::vector<Request*>& requests) {
  bool again = false;
  const auto done = shelf_.write([&](Connection& by) {
    // Of what an attempt wrote whose answer was lost, the keys are there already.
    const bool was_tried = std::exchange(again, true);
    shelf_.add_fence(by);
    for (auto* each : requests) {
      by.add(put_records, each->output, each->generation, each->seqs, each->keys, each->bytes);
      if (was_tried) by.add(count_records, each->output, each->seqs);
    }
    auto answers = by.run();
    std::size_t at = 1;
    for (auto* each : requests) {
      auto& put = answers.at(at++);
      put.next();
      Appended appended{put.integer(0) > 0, put.as<std::size_t>(1)};
      if (was_tried) {
        auto& counted = answers.at(at++);
        counted.next();
        appended.fresh = counted.as<std::size_t>(0);
        appended.taken = appended.taken || appended.fresh > 0;
      }
      each->outcome = appended;
    }
    return true;
  });
  if (done) return;
  for (auto* each : requests) each->outcome = done.error();
}

}  // namespace coremachine::postgres
