#include <coremachine/coremachine.hpp>
#include <coremachine/redis.hpp>

#include <iostream>

int main() {
  const auto target = coremachine::RedisTarget::parse("unix:///nowhere/redis.sock?prefix=orders").value();
  const coremachine::RedisQueue queue(target.address, target.prefix);
  coremachine::RemoteWorker worker;
  worker.name = "w";
  worker.task_types = {"t"};
  const auto taken = queue.transport()->poll(worker, 1, coremachine::Milliseconds{1});
  const bool is_cut_off = !taken && taken.error().kind == coremachine::WorkerFault::Kind::unreachable;
  std::cout << (is_cut_off ? "with it: unreachable" : "with it: something else") << '\n';
}
