// A view as text: what is asked for most.

#include "core/model/job_view.hpp"
#include "core/model/json_text.hpp"
#include "core/model/json_writer.hpp"

namespace coremachine {
namespace {

class ViewWriter {
 public:
  /// `texts`: of the values, if the view is an outline.
  explicit ViewWriter(std::string& out, const ValueTexts* texts = nullptr) : text_(out), out_(out), texts_(texts) {}

  void job(const JobView& view) {
    out_.begin_object();
    string("job_id", view.id.str());
    string("job_type", view.type);
    string("version", view.version);
    word("status", to_string(view.status));
    texts_ ? text("params", texts_->params) : value("params", view.params);
    number("stage", view.stages.empty() ? 0 : view.stages.back().stage);
    out_.key("stages");
    out_.begin_array();
    for (std::size_t i = 0; i < view.stages.size(); ++i) stage(view.stages[i], i);
    out_.end_array();
    texts_ ? text("result", texts_->result) : maybe("result", view.result);
    out_.key("error");
    view.error ? error(*view.error) : out_.raw("null");
    number("priority", view.priority);
    out_.key("tags");
    out_.begin_array();
    for (const auto& tag : view.tags) out_.string(tag);
    out_.end_array();
    number("attempt", view.attempt);
    if (!view.traceparent.empty()) string("traceparent", view.traceparent);
    word("created_at", to_rfc3339(view.created_at));
    if (view.run_at) word("run_at", to_rfc3339(*view.run_at));
    time("started_at", view.started_at);
    time("finished_at", view.finished_at);
    out_.end_object();
  }

  std::optional<std::string> fault = {};

 private:
  void stage(const StageView& view, std::size_t at) {
    out_.begin_object();
    number("stage", view.stage);
    number("round", view.round);
    word("status", to_string(view.status));
    texts_ ? text("result", texts_->stage_results[at]) : maybe("result", view.result);
    out_.key("tasks");
    counts(view.tasks);
    time("started_at", view.started_at);
    time("finished_at", view.finished_at);
    out_.end_object();
  }
  void counts(const TaskCounts& counts) {
    out_.begin_object();
    number("total", counts.total);
    number("queued", counts.queued);
    number("running", counts.running);
    number("retrying", counts.retrying);
    number("completed", counts.completed);
    number("failed", counts.failed);
    number("dead", counts.dead);
    number("cancelled", counts.cancelled);
    out_.end_object();
  }
  void error(const Error& error) {
    out_.begin_object();
    word("code", to_string(error.code));
    string("message", error.message);
    maybe("stage", error.stage);
    maybe("task_index", error.task_index);
    out_.key("task_type");
    error.task_type.empty() ? out_.raw("null") : out_.string(error.task_type);
    maybe("attempt", error.attempt);
    out_.end_object();
  }

  void string(std::string_view name, std::string_view text) {
    out_.key(name);
    out_.string(text);
  }
  void word(std::string_view name, std::string_view text) {
    out_.key(name);
    out_.word(text);
  }
  template <std::integral Number>
  void number(std::string_view name, Number number) {
    out_.key(name);
    out_.number(number);
  }
  template <std::integral Number>
  void maybe(std::string_view name, const std::optional<Number>& value) {
    value ? number(name, *value) : null(name);
  }
  void maybe(std::string_view name, const std::optional<json::value>& given) {
    given ? value(name, *given) : null(name);
  }
  void time(std::string_view name, const std::optional<Timestamp>& time) {
    time ? word(name, to_rfc3339(*time)) : null(name);
  }
  void null(std::string_view name) {
    out_.key(name);
    out_.raw("null");
  }
  void text(std::string_view name, const std::string* json) { json ? (out_.key(name), out_.raw(*json)) : null(name); }
  template <class Value>
  void value(std::string_view name, const Value& value) {
    out_.key(name);
    if (auto found = append_json(text_, value); found && !fault) fault = std::move(found);
  }

  std::string& text_;
  JsonWriter out_;
  const ValueTexts* texts_;
};

}  // namespace

std::optional<std::string> append_json(std::string& out, const JobView& view) {
  // A writer looks at what is before to know whether a comma is due.
  std::string text;
  text.reserve(1024);
  ViewWriter writer(text);
  writer.job(view);
  if (!writer.fault) out.empty() ? out.swap(text) : void(out.append(text));
  return std::move(writer.fault);
}

void append_json(std::string& out, const Job& job) {
  const auto texts = texts_of(job);
  ViewWriter(out, &texts).job(outline_of(job));
}

}  // namespace coremachine
