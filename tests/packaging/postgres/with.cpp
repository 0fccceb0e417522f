#include <coremachine/coremachine.hpp>
#include <coremachine/postgres.hpp>

#include <iostream>

int main() {
  coremachine::enable_postgres();
  try {
    coremachine::CoreMachine machine({.store = "postgres://nobody@/nothing?host=/nowhere"});
  } catch (const coremachine::Failure& failure) {
    std::cout << "with it: " << to_string(failure.error().code) << '\n';
  }
}
