#pragma once

#include <string>

#include <coremachine/registry/typed.hpp>

namespace coremachine::builtin {

struct BlobParams {
  std::string container_name;
  std::string name;

  static void rules(params::Fields<BlobParams>& fields);
};
BOOST_DESCRIBE_STRUCT(BlobParams, (), (container_name, name))

/// → `{name, size, media_type, sha256}` of a blob of a container as it is now.
TaskResult analyze_blob(const BlobParams& params, TaskContext& context);
TaskInfo analyze_blob_info();

}  // namespace coremachine::builtin
