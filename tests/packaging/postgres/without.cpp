#include <coremachine/coremachine.hpp>

#include <iostream>

int main() {
  try {
    coremachine::CoreMachine machine({.store = "postgres://nobody@/nothing?host=/nowhere"});
  } catch (const coremachine::Failure& failure) {
    std::cout << "without it: " << to_string(failure.error().code) << '\n';
  }
}
