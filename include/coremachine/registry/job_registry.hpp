#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/export.hpp>
#include <coremachine/model/error.hpp>
#include <coremachine/registry/job_handler.hpp>

namespace coremachine {

/// What a registry tells of a job type.
struct JobInfo {
  std::string name = {};
  std::string description = {};
  std::vector<std::string> tags = {};
  /// A job stays with the version that it was submitted with. Several may be registered: new jobs get the highest, by
  /// its numbers (1.10 is higher than 1.9).
  std::string version = "1";
  bool enabled = true;
  /// A submission with the params of one that is not over, or has completed, is that one.
  bool unique_by_params = false;
  json::object params_schema = {};        ///< JSON Schema of the params; empty: any object
  std::vector<std::string> stages = {};   ///< what each stage does, for people
  Milliseconds handler_timeout{600'000};  ///< of the handler's functions at one boundary
  /// Everything that is wrong with the params of a submission; what finds nothing is let in. If empty, any object is.
  std::function<std::vector<ParamFault>(const json::object& params)> validate_params = {};
};

/// A job handler is a default-constructible class that overrides all four functions of JobHandler.
template <class H>
concept CompleteJobHandler =
    std::derived_from<H, JobHandler> && !std::is_abstract_v<H> && std::default_initializable<H>;

/// A job handler that knows its params: it fills what the author left empty. See registry/typed.hpp.
template <class H>
concept DescribesJobParams = requires(JobInfo& info) {
  H::describe_params(info);
};

/// Job types by name. `instance()` is the process-wide one; others can be built for a test or an embedding.
/// Filled at start-up from any thread; frozen when a machine starts on it, after which every change throws.
class COREMACHINE_API JobRegistry {
 public:
  using Factory = std::function<std::unique_ptr<JobHandler>()>;

  static JobRegistry& instance();
  JobRegistry();
  ~JobRegistry();
  JobRegistry(const JobRegistry&) = delete;
  JobRegistry& operator=(const JobRegistry&) = delete;

  /// Throws Failure: an invalid name or version, a second registration of the same version (naming both places), a
  /// frozen registry.
  template <class H>
  JobRegistry& add(std::string name, JobInfo info = {}, std::source_location where = std::source_location::current()) {
    static_assert(std::derived_from<H, JobHandler>, "a job handler derives from coremachine::JobHandler");
    static_assert(!std::is_abstract_v<H>,
                  "a job handler overrides all four functions: create_stage_tasks, aggregate_stage_results, "
                  "should_advance_stage and get_final_result");
    static_assert(std::default_initializable<H>,
                  "a job handler is made anew for each call: it needs a default constructor");
    if constexpr (CompleteJobHandler<H>) {
      if constexpr (DescribesJobParams<H>) H::describe_params(info);
      add_factory(
          std::move(name), [] { return std::make_unique<H>(); }, std::move(info), where);
    }
    return *this;
  }
  /// The factory is called by several threads at once.
  void add_factory(std::string name, Factory factory, JobInfo info = {},
                   std::source_location where = std::source_location::current());

  /// For a job type that this program was built without: whoever asks for it is told why, and what to do. Forgotten
  /// if the type is there after all.
  JobRegistry& add_absent(std::string name, std::string why);

  /// As `add`, for registrations that run before `main`: what is wrong is kept and thrown by `freeze`.
  template <class H>
  bool add_at_load(std::string name, JobInfo info, std::source_location where) noexcept {
    try {
      add<H>(std::move(name), std::move(info), where);
    } catch (const std::exception& error) {
      keep_problem(error.what());
    }
    return true;
  }

  /// A new handler of the highest version, or of this one; an unknown name is an error that names the nearest known
  /// ones, an unknown version one that names those there are.
  Result<std::unique_ptr<JobHandler>> make(std::string_view name) const;
  Result<std::unique_ptr<JobHandler>> make(std::string_view name, std::string_view version) const;
  Result<JobInfo> get_info(std::string_view name) const;
  /// The same without a copy, of a registry that is frozen; null if there is none.
  const JobInfo* frozen_info(std::string_view name) const;
  bool contains(std::string_view name) const;
  std::vector<JobInfo> list_all_info() const;                                     ///< sorted by name; highest versions
  std::vector<JobInfo> list_all_versions() const;                                 ///< of every name, ascending
  std::vector<JobInfo> list_by_tags(const std::vector<std::string>& tags) const;  ///< those with ALL of the tags

  /// What went wrong with registrations before `main` or in a module, until now; `freeze` throws it.
  std::vector<std::string> problems() const;
  /// Forgets everything; before a machine starts.
  void clear();
  /// Throws Failure if a registration before `main` went wrong.
  void freeze();
  bool frozen() const;

 private:
  struct Entry {
    JobInfo info;
    Factory factory;
    std::source_location where;
  };
  void keep_problem(std::string problem) noexcept;
  Result<const Factory*> find_factory(std::string_view name, std::optional<std::string_view> version) const;
  Result<std::unique_ptr<JobHandler>> make_of(std::string_view name, std::optional<std::string_view> version) const;
  static Result<std::unique_ptr<JobHandler>> made(const Factory& factory, std::string_view name);

  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;             ///< the highest versions
  std::map<std::string, std::vector<Entry>, std::less<>> older_;  ///< the others, ascending
  Error unknown(std::string_view name) const;
  std::map<std::string, std::string, std::less<>> absent_;
  std::vector<std::string> problems_;
  bool frozen_ = false;
};

}  // namespace coremachine
