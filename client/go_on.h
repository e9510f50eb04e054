// How to go on with what `throngctl generate` has not finished.
#pragma once

#include <string>
#include <string_view>

#include "client/commands.h"
#include "throng/v1/run.pb.h"
#include "throng/v1/spec_source.pb.h"

namespace throng {

// What is said of a run of a private daemon: `when`, as "To go on", and the same command. Standard
// output has no position: a run that writes nowhere else is gone on with by the rows that are left,
// if they are known (`is_stopped`) and can be said, else that it starts over is said. `source` is
// what the run was made of.
std::string HowToGoOn(std::string_view when, const GenerateCommand& command,
                      const v1::SpecSource& source, const v1::Run& run, bool is_stopped);

}  // namespace throng
