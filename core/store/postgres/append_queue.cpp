#include "core/store/postgres/append_queue.hpp"

#include <string>
#include <utility>

namespace coremachine::postgres {
namespace {

// Who seals or drops the output is waited for, or waits.
constexpr char put_records[] =
    "WITH own AS MATERIALIZED (SELECT number FROM job_output WHERE number = $1 AND generation = $2 FOR SHARE), "
    "put AS (INSERT INTO job_output_record (output, seq, key, bytes) SELECT own.number, record.* FROM own, "
    "LATERAL (SELECT unnest($3), unnest($4), unnest($5)) record ON CONFLICT (output, key) DO NOTHING RETURNING 1) "
    "SELECT (SELECT count(*) FROM own), (SELECT count(*) FROM put)";
constexpr char count_records[] =
    "SELECT count(*) FROM job_output_record WHERE output = $1 AND key = ANY ($2) AND seq = ANY ($3)";
constexpr char begin[] = "BEGIN";
constexpr char lock_output[] = "SELECT 1 FROM job_output WHERE number = $1 AND generation = $2 FOR SHARE";
constexpr char commit[] = "COMMIT";

/// What one statement takes, unless one record alone is larger; and one transaction, unless one request is.
constexpr std::size_t most_bytes = std::size_t{4} << 20U;

std::size_t size_of(const OutputRecord& record) {
  return record.key.size() + record.bytes.size();
}

Error error_of(const std::exception_ptr& thrown) {
  const std::string what = "the records could not be written: ";
  try {
    std::rethrow_exception(thrown);
  } catch (const Failure& failure) {
    return failure.error();
  } catch (const std::exception& error) {
    return Error{ErrorCode::store_failed, what + error.what()};
  } catch (...) {
    return Error{ErrorCode::store_failed, what + "something unknown was thrown"};
  }
}

}  // namespace

AppendQueue::Part AppendQueue::make_part(std::span<const OutputRecord> records, std::int64_t first_seq) {
  Part part;
  for (const auto& record : records) {
    part.seqs.put(first_seq++);
    part.keys.put(Bytes{record.key});
    part.bytes.put(Bytes{record.bytes});
  }
  return part;
}

Result<AppendQueue::Appended> AppendQueue::append(std::int64_t output, std::int64_t generation,
                                                  std::span<const OutputRecord> records) {
  Request request{.output = output, .generation = generation, .records = records};
  request.first_seq = shelf_.next_number(records.size());
  std::size_t bytes = 0;
  for (const auto& record : records) bytes += size_of(record);
  request.is_large = bytes > most_bytes && records.size() > 1;
  if (!request.is_large) request.part = make_part(records, request.first_seq);
  Requests mine{&request};
  std::unique_lock lock(mutex_);
  waiting_.splice(waiting_.end(), mine);
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
  if (request.thrown) return error_of(request.thrown);
  return std::move(request.outcome);
}

/// Nothing in it can fail: who is waited for by others must come to the end.
AppendQueue::Requests AppendQueue::take() noexcept {
  Requests taken;
  std::size_t bytes = 0;
  while (!waiting_.empty()) {
    const auto* next = waiting_.front();
    bytes += next->part.bytes.bytes() + next->part.keys.bytes();
    if (!taken.empty() && (next->is_large || bytes > most_bytes)) break;
    taken.splice(taken.end(), waiting_, waiting_.begin());
    if (next->is_large) break;
  }
  return taken;
}

void AppendQueue::write(const Requests& requests) noexcept {
  try {
    auto& first = *requests.front();
    const auto done = first.is_large ? write_large(first) : write_small(requests);
    if (done) return;
    for (auto* each : requests) each->outcome = done.error();
  } catch (...) {
    const auto thrown = std::current_exception();
    try {
      const auto error = error_of(thrown);
      for (auto* each : requests) each->outcome = error;
    } catch (...) {
      // There is no memory for the words: each thread looks for them itself.
      for (auto* each : requests) each->thrown = thrown;
    }
  }
}

Result<bool> AppendQueue::write_small(const Requests& requests) {
  bool again = false;
  return shelf_.write([&](Connection& by) {
    // Of what an attempt wrote whose answer was lost, the keys are there already.
    const bool was_tried = std::exchange(again, true);
    shelf_.add_fence(by);
    for (auto* each : requests) {
      auto& [seqs, keys, bytes] = each->part;
      by.add(put_records, each->output, each->generation, seqs, keys, bytes);
      if (was_tried) by.add(count_records, each->output, keys, seqs);
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
}

/// A statement for each part, so that neither side has all of it in memory once more, and no statement is larger than
/// the server takes. Nobody seals the output between them.
Result<bool> AppendQueue::write_large(Request& request) {
  bool again = false;
  return shelf_.write([&](Connection& by) {
    const bool was_tried = std::exchange(again, true);
    by.add(begin);
    shelf_.add_fence(by);
    Appended appended{by.query(lock_output, request.output, request.generation).count() > 0};
    std::size_t counted = 0;
    for (std::size_t from = 0; from < request.records.size();) {
      auto end = from;
      for (std::size_t sum = 0; end < request.records.size(); ++end) {
        sum += size_of(request.records[end]);
        if (end > from && sum > most_bytes) break;
      }
      auto [seqs, keys, bytes] =
          make_part(request.records.subspan(from, end - from), request.first_seq + static_cast<std::int64_t>(from));
      if (appended.taken) {
        auto put = by.query(put_records, request.output, request.generation, seqs, keys, bytes);
        put.next();
        appended.fresh += put.as<std::size_t>(1);
      }
      if (was_tried) {
        auto count = by.query(count_records, request.output, keys, seqs);
        count.next();
        counted += count.as<std::size_t>(0);
      }
      from = end;
    }
    by.query(commit);
    if (was_tried) appended = {appended.taken || counted > 0, counted};
    request.outcome = appended;
    return true;
  });
}

}  // namespace coremachine::postgres
