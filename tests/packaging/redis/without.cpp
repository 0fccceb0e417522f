#include <coremachine/coremachine.hpp>

#include <iostream>

int main() {
  coremachine::CoreMachine machine({.store = "memory:", .workers = 1});
  std::cout << "without it: a machine\n";
}
