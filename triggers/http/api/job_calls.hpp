#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <coremachine/runtime/core_machine.hpp>

#include "triggers/http/api/api.hpp"

namespace coremachine::http {

/// The options of a submission, from the parameters of the call. Nothing: the call was refused.
std::optional<SubmitOptions> submit_options(Call& call);

/// What was asked for, and what became of it. `over`: it is over; otherwise time ran out, or nobody waited.
using Show = std::function<void(Call& call, const JobView& job, bool over)>;

/// The same for a submission; `existing`: it had been made before.
using ShowSubmission = std::function<void(Call& call, const ToldJob& job, bool over, bool existing)>;

/// What is looked at to show a job: its text as it is, or the values in it, also those that are artifacts.
enum class Showing : std::uint8_t { text, values };

/// Submits and answers: at once, or when the job is over where the call says how long it waits.
void submit_and_show(Api& api, const std::shared_ptr<Call>& call, std::string type, json::object params,
                     SubmitOptions options, ShowSubmission show, Showing showing = Showing::text);

/// Shows a job as it is now, or waits for its end as long as the call says.
void show_job(Api& api, const std::shared_ptr<Call>& call, JobId job, Show show);

/// Calls `act`, and answers with this status and the job that it comes to.
void show_after(Api& api, const std::shared_ptr<Call>& call, int status,
                const std::function<void(CoreMachine::Then<JobView>)>& act);

}  // namespace coremachine::http
