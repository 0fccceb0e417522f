// In place of what needs GDAL, in a program that was built without it.
#include <coremachine/registry/task_handler.hpp>

#include "handlers/container.hpp"
#include "handlers/refusal.hpp"
#include "jobs/raster/raster.hpp"

namespace coremachine {

namespace {

constexpr const char* how_to_get_it =
    "it was built without GDAL; `./dev build` installs GDAL on Debian and Ubuntu and builds with it, elsewhere install "
    "GDAL with its headers and configure with -D COREMACHINE_GDAL=on";

}  // namespace

void register_raster_jobs(JobRegistry& jobs, TaskRegistry&) {
  jobs.add_absent("stage_raster", how_to_get_it);
}

namespace builtin {

std::unique_ptr<Container> open_virtual_container(const std::string& path) {
  refuse_params("container_name: " + quoted_path(path) +
                " is a file system of GDAL, which this program has not: " + how_to_get_it);
}

}  // namespace builtin

}  // namespace coremachine
