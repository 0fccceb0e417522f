#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include <boost/json/array.hpp>

#include <coremachine/params/faults.hpp>
#include <coremachine/params/shape.hpp>

#include "core/model/json_pointer.hpp"
#include "core/model/suggest.hpp"
#include "core/params/pattern.hpp"
#include "core/params/words.hpp"

namespace coremachine::params {

namespace {

/// Both are integers.
bool is_less(const json::value& a, const json::value& b) {
  const auto against = [&](auto x) {
    return b.is_int64() ? std::cmp_less(x, b.get_int64()) : std::cmp_less(x, b.get_uint64());
  };
  return a.is_int64() ? against(a.get_int64()) : against(a.get_uint64());
}

bool is_integer_of(const Shape& shape, const json::value& value) {
  return (value.is_int64() || value.is_uint64()) && !is_less(value, shape.lowest) && !is_less(shape.highest, value);
}

bool is_number_of(const Shape& shape, const json::value& value) {
  if (!value.is_number()) return false;
  const auto number = value.to_number<double>();
  return std::isfinite(number) && (shape.lowest.is_null() || number >= shape.lowest.get_double()) &&
         (shape.highest.is_null() || number <= shape.highest.get_double());
}

bool is_size_of(const Shape& shape, std::size_t size) {
  return size >= shape.fewest && size <= shape.most;
}

bool is_text_of(const Shape& shape, const json::value& value) {
  if (!value.is_string()) return false;
  const auto text = view_of(value.get_string());
  return is_size_of(shape, count_code_points(text)) && (!shape.pattern || shape.pattern->is_found_in(text));
}

bool is_allowed_by(const Shape& shape, const json::value& value) {
  if (shape.allowed.empty()) return true;
  return std::any_of(shape.allowed.begin(), shape.allowed.end(), [&](const json::value& allowed) {
    if (!allowed.is_double()) return allowed == value;
    return value.is_number() && value.to_number<double>() == allowed.get_double();  // 1 is 1.0 there
  });
}

/// The kind and its limits; what is inside of a container is looked at later.
bool is_of_kind(const Shape& shape, const json::value& value) {
  switch (shape.kind) {
    case Shape::Kind::any: return true;
    case Shape::Kind::boolean: return value.is_bool();
    case Shape::Kind::integer: return is_integer_of(shape, value);
    case Shape::Kind::number: return is_number_of(shape, value);
    case Shape::Kind::text: return is_text_of(shape, value);
    case Shape::Kind::name: return value.is_string();
    case Shape::Kind::list: return value.is_array();
    case Shape::Kind::any_object:
    case Shape::Kind::map:
    case Shape::Kind::record: return value.is_object();
  }
  return false;
}

class Finder {
 public:
  void look_at(const Record& record, const json::object& object) {
    const auto before = faults_.size();
    for (const auto& member : record.members) {
      if (full()) return;
      const auto* value = object.if_contains(member.name);
      if (!value && !member.is_required) continue;
      at(member.name, [&] {
        if (value) {
          look_at(member.shape, *value);
        } else {
          add("is missing, should be " + in_words(member.shape, nullptr));
        }
      });
    }
    look_for_unknown(record, object);
    if (faults_.size() != before || record.checks.empty()) return;
    const json::value whole(object);
    for (const auto& check : record.checks) ask(check, whole);
  }

  void look_at(const Shape& shape, const json::value& value) {
    if (shape.nullable && value.is_null()) return;
    if (!is_of_kind(shape, value) || !is_allowed_by(shape, value)) {
      return add("is " + shortened(value) + ", should be " + in_words(shape, &value));
    }
    const auto before = faults_.size();
    look_inside(shape, value);
    if (faults_.size() != before) return;
    for (const auto& check : shape.checks) ask(check, value);
  }

  std::vector<ParamFault> take() { return std::move(faults_); }

 private:
  bool full() const { return faults_.size() > most_faults; }

  void look_inside(const Shape& shape, const json::value& value) {
    switch (shape.kind) {
      case Shape::Kind::list: return look_at_items(shape, value.get_array());
      case Shape::Kind::map: return look_at_items(shape, value.get_object());
      case Shape::Kind::record: return look_at(shape.record(), value.get_object());
      case Shape::Kind::any:
      case Shape::Kind::any_object:
      case Shape::Kind::boolean:
      case Shape::Kind::integer:
      case Shape::Kind::number:
      case Shape::Kind::text:
      case Shape::Kind::name: break;
    }
  }

  void look_at_items(const Shape& shape, const json::array& items) {
    look_at_size(shape, items.size(), "item");
    for (std::size_t i = 0; i < items.size() && !full(); ++i) {
      at(std::to_string(i), [&] { look_at(*shape.each, items[i]); });
    }
  }
  void look_at_items(const Shape& shape, const json::object& items) {
    look_at_size(shape, items.size(), "member");
    for (const auto& item : items) {
      if (full()) return;
      at(view_of(item.key()), [&] { look_at(*shape.each, item.value()); });
    }
  }
  void look_at_size(const Shape& shape, std::size_t size, const char* unit) {
    if (is_size_of(shape, size)) return;
    add("has " + std::to_string(size) + " " + unit + (size == 1 ? "" : "s") + ", should be " +
        in_words(shape, nullptr));
  }

  void look_for_unknown(const Record& record, const json::object& object) {
    for (const auto& found : object) {
      if (full()) return;
      const auto name = view_of(found.key());
      const auto is_it = [&](const Member& member) { return member.name == name; };
      if (std::any_of(record.members.begin(), record.members.end(), is_it)) continue;
      at(name, [&] { add(describe_unknown(record, name)); });
    }
  }

  static std::string describe_unknown(const Record& record, std::string_view name) {
    if (record.members.empty()) return "is not known: there are no params";
    std::vector<std::string_view> known;
    for (const auto& member : record.members) known.push_back(member.name);
    std::string nearest;
    for (const auto candidate : nearest_names(name, known))
      nearest.append(nearest.empty() ? "" : ", ").append(candidate);
    return "is not known; nearest: " + nearest;
  }

  /// The author's code may throw what it likes.
  void ask(const Check& check, const json::value& value) {
    try {
      const auto fault = check.find_fault(value);
      if (!fault) return;
      add(fault->empty() ? "is " + shortened(value) + ", should be " + check.due : *fault);
    } catch (const std::exception& error) {
      add(std::string("cannot be checked: ") + error.what());
    }
  }

  template <class F>
  void at(std::string_view key, F act) {
    const auto size = pointer_.size();
    append_pointer_token(pointer_, key);
    act();
    pointer_.resize(size);
  }

  void add(std::string detail) {
    if (faults_.size() < most_faults) {
      faults_.push_back({pointer_, std::move(detail)});
    } else if (!full()) {
      faults_.push_back({"", "there are more faults than these " + std::to_string(most_faults)});
    }
  }

  std::string pointer_ = {};
  std::vector<ParamFault> faults_ = {};
};

}  // namespace

std::vector<ParamFault> find_faults(const Record& record, const json::object& object) {
  Finder finder;
  finder.look_at(record, object);
  return finder.take();
}

void require_initials_fit(const Record& record) {
  for (const auto& member : record.members) {
    if (member.is_required) continue;
    Finder finder;
    finder.look_at(member.shape, member.initial);
    const auto faults = finder.take();
    if (faults.empty()) continue;
    const auto& fault = faults.front();
    refuse_declaration(record.type_name, "the initializer of " + member.name + " does not keep the rules: " +
                                             fault.pointer + (fault.pointer.empty() ? "" : " ") + fault.detail);
  }
}

void refuse_declaration(const std::string& type_name, const std::string& why) {
  throw Failure(Error{ErrorCode::invalid_argument, "the params " + type_name + ": " + why});
}

}  // namespace coremachine::params
