#include "triggers/http/api/server_outlet.hpp"

#include <string>
#include <utility>

namespace coremachine::http {
namespace {

class ServerOutflow : public Outflow {
 public:
  explicit ServerOutflow(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
  bool write(std::string bytes) override { return stream_->write(std::move(bytes)); }
  void end() override { stream_->end(); }
  void on_gone(std::function<void()> then) override { stream_->on_gone(std::move(then)); }
  void on_drained(std::function<void()> then) override { stream_->on_drained(std::move(then)); }

 private:
  std::shared_ptr<Stream> stream_;
};

class ServerOutlet : public Outlet {
 public:
  explicit ServerOutlet(Reply reply) : reply_(std::move(reply)) {}
  void send(Response response) override { reply_.send(std::move(response)); }
  std::shared_ptr<Outflow> stream(Response head) override {
    return std::make_shared<ServerOutflow>(reply_.stream(std::move(head)));
  }
  void on_gone(std::function<void()> then) override { reply_.on_gone(std::move(then)); }
  bool run(std::function<void()>& work) override {
    reply_.run(std::move(work));
    return true;
  }

 private:
  Reply reply_;
};

}  // namespace

std::unique_ptr<Outlet> outlet_of(Reply reply) {
  return std::make_unique<ServerOutlet>(std::move(reply));
}

}  // namespace coremachine::http
