#include "core/store/postgres/job_outputs.hpp"

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include "core/store/postgres/artifact_content.hpp"

namespace coremachine::postgres {
namespace {

constexpr char put_output[] =
    "INSERT INTO job_output (job, name, number, generation) VALUES ($1, $2, $3, $3) ON CONFLICT (job, name) DO NOTHING";
constexpr char get_output[] = "SELECT number, generation FROM job_output WHERE job = $1 AND name = $2";
constexpr char set_generation[] =
    "UPDATE job_output SET generation = $3 WHERE number = $1 AND generation IN ($2, $3) RETURNING 1";
constexpr char sizes_of_records[] =
    "SELECT n, octet_length(bytes) FROM job_output_record WHERE output = $1 AND n > $2 ORDER BY n LIMIT 1000";
constexpr char some_records[] =
    "SELECT bytes FROM job_output_record WHERE output = $1 AND n > $2 AND n <= $3 ORDER BY n";
constexpr char part_of_record[] =
    "SELECT substr(bytes, $3::int, $4::int) FROM job_output_record WHERE output = $1 AND n = $2";
constexpr char begin[] = "BEGIN";
constexpr char drop_all[] = "DELETE FROM job_output WHERE job = $1 RETURNING number";
constexpr char drop_records[] = "DELETE FROM job_output_record WHERE output = ANY ($1)";
constexpr char commit[] = "COMMIT";
constexpr char all_jobs[] = "SELECT DISTINCT job FROM job_output ORDER BY job";

struct Size {
  std::int64_t n;
  std::size_t bytes;
};

/// Reads the records of an output in order, of which none come any more, about a piece at a time.
class RecordReader {
 public:
  RecordReader(ArtifactShelf& shelf, std::int64_t output, ArtifactWriter& to)
      : shelf_(shelf), output_(output), to_(to) {}

  Result<void> copy_all() {
    for (;;) {
      const auto sizes = next_sizes();
      if (!sizes) return sizes.error();
      if (sizes->empty()) return {};
      for (auto from = sizes->begin(); from != sizes->end();) {
        auto end = from;
        for (std::size_t sum = 0; end != sizes->end() && (end == from || sum + end->bytes <= piece_size); ++end) {
          sum += end->bytes;
        }
        const auto copied = from->bytes > piece_size ? copy_large(*from) : copy(std::prev(end)->n);
        if (!copied) return copied;
        after_ = std::prev(end)->n;
        from = end;
      }
    }
  }

 private:
  Result<std::vector<Size>> next_sizes() {
    return shelf_.ask([&](Connection& by) {
      std::vector<Size> sizes;
      auto rows = by.query(sizes_of_records, output_, after_);
      while (rows.next()) sizes.push_back({rows.integer(0), rows.as<std::size_t>(1)});
      return sizes;
    });
  }

  Result<void> copy(std::int64_t last) {
    auto rows = shelf_.ask([&](Connection& by) { return by.query_bytes(some_records, output_, after_, last); });
    if (!rows) return rows.error();
    while (rows->next()) {
      const auto bytes = rows->view(0);
      if (const auto done = to_.write(bytes); !done) return done;
      if (const auto done = end_line(bytes); !done) return done;
    }
    return {};
  }

  Result<void> copy_large(const Size& record) {
    for (std::size_t at = 0; at < record.bytes;) {
      auto rows = shelf_.ask(
          [&](Connection& by) { return by.query_bytes(part_of_record, output_, record.n, at + 1, piece_size); });
      if (!rows) return rows.error();
      if (!rows->next() || rows->view(0).empty()) {
        return Error{ErrorCode::store_damaged, "a record of an output is not what it was"};
      }
      const auto bytes = rows->view(0);
      if (const auto done = to_.write(bytes); !done) return done;
      at += bytes.size();
      if (at < record.bytes) continue;
      if (const auto done = end_line(bytes); !done) return done;
    }
    return {};
  }

  Result<void> end_line(std::string_view bytes) {
    if (bytes.empty() || bytes.ends_with('\n')) return {};
    return to_.write("\n");
  }

  ArtifactShelf& shelf_;
  const std::int64_t output_;
  ArtifactWriter& to_;
  std::int64_t after_ = 0;
};

}  // namespace

Result<std::shared_ptr<JobOutput>> JobOutput::open(std::shared_ptr<ArtifactShelf> shelf,
                                                   std::shared_ptr<AppendQueue> queue, JobId job,
                                                   std::string_view name) {
  const auto id = job.str();
  const auto number = shelf->next_number();
  const auto found = shelf->write([&](Connection& by) {
    shelf->add_fence(by);
    by.add(put_output, id, name, number);
    auto rows = by.query(get_output, id, name);
    return rows.next() ? std::pair(rows.integer(0), rows.integer(1)) : std::pair<std::int64_t, std::int64_t>();
  });
  if (!found) return found.error();
  std::shared_ptr<JobOutput> output(
      new JobOutput(std::move(shelf), std::move(queue), "the output " + std::string(name) + " of job " + id));
  output->number_ = found->first;
  output->generation_ = found->second;
  output->sealed_ = output->shelf_->next_number();
  return output;
}

Error JobOutput::refuse() {
  over_ = true;
  return Error{ErrorCode::wrong_state, called_ + " is sealed or was dropped"};
}

Result<std::size_t> JobOutput::append(std::span<const OutputRecord> records) {
  if (auto fault = fault_of_records(records)) return std::move(*fault);
  for (;;) {
    const auto begun = begin_append();
    if (!begun) return begun.error();
    if (records.empty()) return std::size_t{0};
    const auto appended = queue_->append(number_, generation_, records);
    if (!appended) return appended.error();
    if (appended->taken) return appended->fresh;
    if (has_ended_since(*begun)) return refuse();
  }
}

/// The number of seals so far, none of which is under way.
Result<std::uint64_t> JobOutput::begin_append() {
  std::unique_lock lock(mutex_);
  settled_.wait(lock, [&] { return !sealing_; });
  if (over_) return refuse();
  if (const auto done = reopen(); !done) return done.error();
  return seals_;
}

/// It takes nothing, and that is not for one who seals here and may still fail.
bool JobOutput::has_ended_since(std::uint64_t seals) {
  const std::lock_guard lock(mutex_);
  return over_ || seals_ == seals;
}

Result<bool> JobOutput::change_generation(std::int64_t from, std::int64_t to) {
  return shelf_->write([&](Connection& by) {
    shelf_->add_fence(by);
    return by.query(set_generation, number_, from, to).count() > 0;
  });
}

Result<Pinned> JobOutput::seal() {
  std::unique_lock lock(mutex_);
  settled_.wait(lock, [&] { return !sealing_; });
  if (over_) return refuse();
  sealing_ = true;
  ++seals_;
  lock.unlock();
  std::exception_ptr thrown;
  auto sealed = [&]() -> Result<Pinned> {
    try {
      return try_to_seal();
    } catch (...) {
      thrown = std::current_exception();
      return Error{ErrorCode::store_failed, {}};
    }
  }();
  lock.lock();
  sealing_ = false;
  if (sealed) over_ = true;
  may_be_sealed_ = !over_;
  settled_.notify_all();
  if (!thrown && !over_) static_cast<void>(reopen());  // what cannot be done now, the next one who appends does
  if (thrown) std::rethrow_exception(thrown);
  return sealed;
}

Result<Pinned> JobOutput::try_to_seal() {
  const auto changed = change_generation(generation_, sealed_);
  if (!changed) return changed.error();
  if (!*changed) return refuse();
  return copy_to_artifact();
}

/// Takes back what a seal that failed has done, as far as it got.
Result<void> JobOutput::reopen() {
  if (!may_be_sealed_) return {};
  const auto changed = change_generation(sealed_, generation_);
  if (!changed) return changed.error();
  if (!*changed) return refuse();
  may_be_sealed_ = false;
  return {};
}

Result<Pinned> JobOutput::copy_to_artifact() {
  auto writer = make_writer(shelf_, output_media_type);
  if (!writer) return writer.error();
  if (const auto copied = RecordReader(*shelf_, number_, **writer).copy_all(); !copied) return copied.error();
  // Who drops it takes the records with it: as long as it is there, they were all there.
  const auto still = change_generation(sealed_, sealed_);
  if (!still) return still.error();
  if (!*still) return refuse();
  return (*writer)->finish();
}

Result<void> drop_outputs(ArtifactShelf& shelf, JobId job) {
  const auto done = shelf.write(
      [&](Connection& by) {
        by.add(begin);
        shelf.add_fence(by);
        // Who appends is waited for. A statement does not see what came while it waited: so the records are for
        // another.
        ArrayParam gone;
        for (auto rows = by.query(drop_all, job.str()); rows.next();) gone.put(rows.integer(0));
        if (gone.size() > 0) by.add(drop_records, gone);
        by.query(commit);
        return true;
      },
      ArtifactShelf::Urgency::thorough);
  return done ? Result<void>() : done.error();
}

Result<std::vector<JobId>> jobs_with_outputs(ArtifactShelf& shelf) {
  return shelf.ask([&](Connection& by) {
    std::vector<JobId> jobs;
    auto rows = by.query(all_jobs);
    while (rows.next()) {
      if (const auto job = JobId::parse(rows.view(0))) jobs.push_back(*job);
    }
    return jobs;
  });
}

}  // namespace coremachine::postgres
