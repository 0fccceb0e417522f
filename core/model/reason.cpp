#include <coremachine/model/reason.hpp>

#include <boost/json/value.hpp>

namespace coremachine {

std::string_view to_string(ReasonCode code) {
  switch (code) {
    case ReasonCode::scheduled: return "scheduled";
    case ReasonCode::paused: return "paused";
    case ReasonCode::no_worker: return "no_worker";
    case ReasonCode::disabled: return "disabled";
    case ReasonCode::running: return "running";
    case ReasonCode::retrying: return "retrying";
    case ReasonCode::limit: return "limit";
    case ReasonCode::signal: return "signal";
    case ReasonCode::queued: return "queued";
  }
  return "?";
}

boost::json::object to_json(const Reason& reason) {
  boost::json::object json{
      {"code", to_string(reason.code)}, {"count", reason.count}, {"example", nullptr}, {"detail", reason.detail}};
  if (reason.example) json["example"] = *reason.example;
  return json;
}

}  // namespace coremachine
