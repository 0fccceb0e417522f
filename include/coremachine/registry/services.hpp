#pragma once

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <typeindex>
#include <typeinfo>
#include <utility>
#include <vector>

#include <boost/core/demangle.hpp>

namespace coremachine {

/// A type that handlers ask for.
struct ServiceType {
  std::type_index type;
  std::string name() const { return boost::core::demangle(type.name()); }
};

template <class T>
ServiceType service() {
  return ServiceType{std::type_index(typeid(T))};
}

/// What a machine gives its handlers besides their params, by type: a database, a client, a clock. Each machine has
/// its own. Filled before the machine starts; handlers on several threads use the same objects.
class Services {
 public:
  /// The object under its own type, or under that of a base: `add<Database>(std::make_shared<Postgres>(…))`.
  template <class T>
  Services& add(std::shared_ptr<T> object) {
    objects_[std::type_index(typeid(T))] = std::move(object);
    return *this;
  }
  template <class T>
  T* find() const {
    const auto found = objects_.find(std::type_index(typeid(T)));
    return found == objects_.end() ? nullptr : static_cast<T*>(found->second.get());
  }
  bool has(const ServiceType& wanted) const { return objects_.contains(wanted.type); }

 private:
  std::map<std::type_index, std::shared_ptr<void>> objects_;
};

}  // namespace coremachine
