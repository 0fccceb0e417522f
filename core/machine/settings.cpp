// What an operator has set, and the engine itself has no use for.

#include "core/machine/engine.hpp"

#include <utility>

namespace coremachine::machine {

void Engine::put(Setting setting) {
  open_bytes_ += 64 + (setting.value ? setting.value->size() : 0);
  // One that is set again before it was written is written once: with a full disk that may go on for long.
  const auto [known, fresh] = open_settings_.try_emplace(setting.kind + '/' + setting.name, open_.settings.size());
  if (fresh) {
    open_.settings.push_back(std::move(setting));
  } else {
    auto& earlier = open_.settings[known->second];
    open_bytes_ -= 64 + (earlier.value ? earlier.value->size() : 0);
    earlier = std::move(setting);
  }
}

void Engine::set(std::vector<Setting> settings, RequestId request) {
  for (auto& setting : settings) put(std::move(setting));
  hold_or_do(Answer{request, std::nullopt, {}, {}});
}

}  // namespace coremachine::machine
