#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include <coremachine/model/error.hpp>
#include <coremachine/model/view.hpp>
#include <coremachine/runtime/told_job.hpp>

#include "triggers/http/api/outlet.hpp"
#include "triggers/http/api/problem.hpp"
#include "triggers/http/api/route.hpp"

namespace coremachine::http {

/// One request and its answer. Answered once: of several who answer, the first one counts. Any thread may answer.
class Call {
 public:
  struct Parts {
    Request request;
    const Route* route = nullptr;
    std::vector<std::string> values;  ///< of the path's variables
    Parameters parameters;
    json::value body;                        ///< parsed; null if the route takes none
    std::vector<ParamFault> beyond = {};     ///< integers in it that JSON values cannot hold
    std::shared_ptr<const void> guard = {};  ///< goes with the call
  };
  Call(Parts parts, std::unique_ptr<Outlet> outlet) : parts_(std::move(parts)), outlet_(std::move(outlet)) {}

  const Request& request() const { return parts_.request; }
  const Route& route() const { return *parts_.route; }
  bool is_head() const { return parts_.request.method == "HEAD"; }
  /// What stands for `{name}`.
  const std::string& path(std::string_view name) const;
  const Parameters& parameters() const { return parts_.parameters; }
  const json::value& body() const { return parts_.body; }
  json::value take_body() { return std::move(parts_.body); }
  const std::vector<ParamFault>& beyond() const { return parts_.beyond; }
  /// The longest that it wants to wait, capped at `longest_wait`; nothing if it does not say.
  std::optional<Milliseconds> wait() const;

  void send(Response response);
  void send(int status, const json::value& body, std::vector<Field> fields = {});
  /// The text of JSON.
  void send_text(int status, std::string text, std::vector<Field> fields = {});
  /// `existing`: it answers a submission, and was there before.
  void send(int status, const JobView& job);
  void send(int status, const ToldJob& job, std::vector<Field> fields, bool existing);
  void refuse(const Problem& problem);
  /// `under` goes before the pointers of faults.
  void refuse(const Error& error, std::string_view under = {});
  /// Which job this is about, for the log, where its path does not say.
  void about(JobId job) { subject_ = job.str(); }
  /// Null: it was answered already.
  std::shared_ptr<Outflow> stream(Response head);
  /// Calls `work`, which must be quick and answer, soon on the thread that writes the answer. False, and left as it is:
  /// there is none.
  bool run(std::function<void()>& work) { return !answered_ && outlet_->run(work); }
  void on_gone(std::function<void()> then) { outlet_->on_gone(std::move(then)); }

  static constexpr Milliseconds longest_wait{60'000};

 private:
  void sign(Response& response);

  Parts parts_;
  std::unique_ptr<Outlet> outlet_;
  std::string subject_ = {};
  std::atomic<bool> answered_{false};
};

}  // namespace coremachine::http
