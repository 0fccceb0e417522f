#pragma once

#include <memory>

#include "triggers/http/api/outlet.hpp"
#include "triggers/http/server/server.hpp"

namespace coremachine::http {

/// An outlet of the server's Reply.
std::unique_ptr<Outlet> outlet_of(Reply reply);

}  // namespace coremachine::http
