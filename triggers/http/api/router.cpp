#include "triggers/http/api/router.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/model/suggest.hpp"

namespace coremachine::http {
namespace {

bool is_variable(std::string_view segment) {
  return segment.starts_with('{');
}

/// One shape of path: the routes that differ only in their methods and in what they call their variables.
struct Resource {
  std::vector<std::string_view> segments;  ///< `{` for a variable
  std::vector<const Route*> routes = {};
};

std::vector<std::string_view> shape_of(std::string_view path) {
  std::vector<std::string_view> segments;
  for (std::size_t from = 1; path != "/" && from <= path.size();) {
    const auto to = std::min(path.find('/', from), path.size());
    const auto segment = path.substr(from, to - from);
    segments.push_back(is_variable(segment) ? "{" : segment);
    from = to + 1;
  }
  return segments;
}

/// By how many segments they have.
using Resources = std::map<std::size_t, std::vector<Resource>>;

Resources make_resources() {
  Resources all;
  for (const auto& route : routes()) {
    auto shape = shape_of(route.path);
    auto& resources = all[shape.size()];
    const auto is_it = [&](const Resource& resource) { return resource.segments == shape; };
    auto at = std::find_if(resources.begin(), resources.end(), is_it);
    if (at == resources.end()) at = resources.insert(at, Resource{std::move(shape)});
    at->routes.push_back(&route);
  }
  return all;
}

const std::vector<Resource>& resources_of(std::size_t segments) {
  static const auto* const all = new Resources(make_resources());
  static const auto* const none = new std::vector<Resource>;
  const auto found = all->find(segments);
  return found == all->end() ? *none : found->second;
}

bool fits(const Resource& resource, std::size_t at, std::string_view segment) {
  const auto pattern = resource.segments[at];
  if (pattern == "{") return !segment.empty();
  if (pattern == segment) return true;
  // Shells eat the `$`. Only after a name or an id: anywhere else the word could be one itself.
  return pattern.starts_with('$') && at > 0 && resource.segments[at - 1] == "{" && pattern.substr(1) == segment;
}

/// How a path is ordered among those that fit: literal segments first, from the left.
std::vector<bool> rank(const Resource& resource) {
  std::vector<bool> variables;
  for (const auto segment : resource.segments) variables.push_back(segment == "{");
  return variables;
}

bool has_method(std::string_view method) {
  return std::any_of(routes().begin(), routes().end(), [&](const Route& route) { return route.method == method; });
}

}  // namespace

const Route* Match::find(std::string_view method) const {
  const auto wanted = method == "HEAD" ? "GET" : method;
  const auto at =
      std::find_if(routes.begin(), routes.end(), [&](const auto* route) { return route->method == wanted; });
  return at == routes.end() ? nullptr : *at;
}

std::string Match::allow() const {
  std::set<std::string_view> methods{"OPTIONS"};
  for (const auto* route : routes) {
    methods.insert(route->method);
    if (route->method == "GET") methods.insert("HEAD");
  }
  std::string text;
  for (const auto method : methods) text.append(text.empty() ? "" : ", ").append(method);
  return text;
}

Match match(const std::vector<std::string>& segments) {
  const Resource* best = nullptr;
  for (const auto& resource : resources_of(segments.size())) {
    bool all = true;
    // From the end: they all begin alike.
    for (auto i = segments.size(); i > 0 && all; --i) all = fits(resource, i - 1, segments[i - 1]);
    if (all && (!best || rank(resource) < rank(*best))) best = &resource;
  }
  Match found;
  if (!best) return found;
  found.routes = best->routes;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (best->segments[i] == "{") found.values.push_back(segments[i]);
  }
  return found;
}

std::shared_ptr<const Destination> destination_of(const Request& request) {
  auto known = std::static_pointer_cast<const Destination>(request.more);
  if (known && known->text == request.target) return known;
  auto target = Target::parse(request.target);
  auto found = target ? match(target->segments) : Match{};
  known = std::make_shared<const Destination>(Destination{request.target, std::move(target), std::move(found)});
  request.more = known;
  return known;
}

Problem unknown_path(std::string_view target) {
  std::set<std::string_view> paths;
  for (const auto& route : routes()) paths.insert(route.path);
  const auto path = target.substr(0, target.find('?'));
  auto problem = problem_of(404, describe_unknown("path", path, {paths.begin(), paths.end()}));
  problem.code = "unknown_path";
  return problem;
}

Problem wrong_method(std::string_view method, const Match& match) {
  const auto known = method == "PATCH" || method == "TRACE" || method == "CONNECT" || method == "OPTIONS" ||
                     method == "HEAD" || has_method(method);
  if (!known) return problem_of(501, "there is no method " + quoted_name(method) + " here");
  auto problem = problem_of(405, std::string(method) + " is not for this path; it takes " + match.allow());
  problem.fields.push_back({"allow", match.allow()});
  return problem;
}

}  // namespace coremachine::http
