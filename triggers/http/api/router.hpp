#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "triggers/http/api/problem.hpp"
#include "triggers/http/api/route.hpp"
#include "triggers/http/wire/target.hpp"

namespace coremachine::http {

/// What a target leads to.
struct Match {
  /// The routes of this path, one for each method; none: there is no such path.
  std::vector<const Route*> routes = {};
  /// What stands for each name in braces, by the order of their places.
  std::vector<std::string> values = {};

  /// HEAD finds GET.
  const Route* find(std::string_view method) const;
  /// `GET, HEAD, OPTIONS`: with HEAD where GET is, and OPTIONS always.
  std::string allow() const;
};

/// Which routes the segments of a path lead to. Where a literal segment and a name in braces both fit, the literal
/// wins.
Match match(const std::vector<std::string>& segments);

/// The target of a request, and where it leads.
struct Destination {
  std::string text;       ///< of the target
  Result<Target> target;  ///< or what is wrong with it
  Match match = {};
};
/// It is found out once, and kept with the request.
std::shared_ptr<const Destination> destination_of(const Request& request);

/// 404, naming the paths that are nearest.
Problem unknown_path(std::string_view target);
/// 405 with Allow, or 501 for a method that no route has.
Problem wrong_method(std::string_view method, const Match& match);

}  // namespace coremachine::http
