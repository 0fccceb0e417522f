#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace coremachine::runtime {

/// The SHA-256, in hex, of a job type and its params; the order of keys does not matter, nor how a number is written.
std::string fingerprint_of(std::string_view job_type, const boost::json::object& params);

}  // namespace coremachine::runtime
