#pragma once

#include <string_view>
#include <vector>

namespace coremachine::fuzz {

/// One parser under whatever bytes there are. It must neither crash nor break what it promises.
struct Target {
  std::string_view name;  ///< also of the folder below corpus/
  void (*run)(std::string_view bytes);
};

const std::vector<Target>& targets();
/// Null if there is none of that name.
const Target* find_target(std::string_view name);

/// Ends the process where a promise is broken.
void require(bool kept, const char* promise);

// Requests and what is in them.
void request_reader(std::string_view bytes);
void request_target(std::string_view bytes);
void authority(std::string_view bytes);
// What routes make of queries and header fields.
void api_parameters(std::string_view bytes);
void field_values(std::string_view bytes);
void traceparent(std::string_view bytes);
void cursor(std::string_view bytes);
// The file of the command line.
void config_file(std::string_view bytes);
// JSON, and params as the command line takes them.
void json_text(std::string_view bytes);
void params_argument(std::string_view bytes);
// Durations, times, names, ids.
void words(std::string_view bytes);
// What lies in a queue.
void queue_entry(std::string_view bytes);
// Schedules.
void cron(std::string_view bytes);
void schedule_spec(std::string_view bytes);
void time_zone(std::string_view bytes);

}  // namespace coremachine::fuzz
