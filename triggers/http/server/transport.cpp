#include "triggers/http/server/transport.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/err.h>

#include <coremachine/model/error.hpp>

namespace coremachine::http {

namespace {

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

int bio_socket(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

int bio_write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const auto sent = ::send(bio_socket(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && would_block(errno)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int bio_read(BIO* bio, char* to, int size) {
  BIO_clear_retry_flags(bio);
  const auto got = ::recv(bio_socket(bio), to, static_cast<std::size_t>(size), 0);
  if (got < 0 && would_block(errno)) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

long bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return 0;
}

/// OpenSSL's own writes with write(), which raises SIGPIPE when the client is gone.
BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    auto* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "quiet socket");
    if (made) {
      BIO_meth_set_write(made, bio_write);
      BIO_meth_set_read(made, bio_read);
      BIO_meth_set_ctrl(made, bio_control);
    }
    return made;
  }();
  return method;
}

}  // namespace

Transport::Transport(Socket socket, SSL_CTX& context) : socket_(std::move(socket)), ssl_(SSL_new(&context)) {
  BIO* bio = ssl_ && socket_method() ? BIO_new(socket_method()) : nullptr;
  if (!bio) throw Failure(Error{ErrorCode::overloaded, "OpenSSL cannot make a connection: out of memory"});
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket_.fd())));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_accept_state(ssl_.get());
}

Transfer Transport::judge(int result, bool reading) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return {Transfer::Kind::wants_read};
    case SSL_ERROR_WANT_WRITE: return {Transfer::Kind::wants_write};
    case SSL_ERROR_ZERO_RETURN: return {reading ? Transfer::Kind::end : Transfer::Kind::broken};
    default: break;
  }
  plain_http_ = !established_ && ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SSL &&
                ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
  ERR_clear_error();
  return {Transfer::Kind::broken};
}

Transfer Transport::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) return judge(result, false);
  established_ = true;
  return {Transfer::Kind::done};
}

Transfer Transport::read(char* to, std::size_t size) {
  if (ssl_) {
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), to, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
    return got > 0 ? Transfer{Transfer::Kind::done, static_cast<std::size_t>(got)} : judge(got, true);
  }
  const auto got = ::recv(socket_.fd(), to, size, 0);
  if (got > 0) return {Transfer::Kind::done, static_cast<std::size_t>(got)};
  if (got == 0) return {Transfer::Kind::end};
  return {would_block(errno) ? Transfer::Kind::wants_read : Transfer::Kind::broken};
}

Transfer Transport::write(std::string_view bytes) {
  if (ssl_) {
    ERR_clear_error();
    const int sent =
        SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX)));
    return sent > 0 ? Transfer{Transfer::Kind::done, static_cast<std::size_t>(sent)} : judge(sent, false);
  }
  const auto sent = ::send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) return {Transfer::Kind::done, static_cast<std::size_t>(sent)};
  return {would_block(errno) ? Transfer::Kind::wants_write : Transfer::Kind::broken};
}

void Transport::end_writing() {
  if (ssl_ && established_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  ssl_.reset();
  ::shutdown(socket_.fd(), SHUT_WR);
}

void Transport::reset_on_close() {
  const ::linger forget{1, 0};
  ::setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &forget, sizeof forget);
}

}  // namespace coremachine::http
