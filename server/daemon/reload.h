// Which settings can change while the daemon runs.
#pragma once

#include <string>
#include <vector>

#include "throng/daemon/v1/config.pb.h"

namespace throng {

// Fields that are other than before and take effect only when the daemon is started again, as
// `state_folder` or `listeners[1].address`.
std::vector<std::string> FieldsForTheNextStart(const daemon::v1::Config& before,
                                               const daemon::v1::Config& now);

// Whether the listeners, `http` among them, are the same but for whom they let in.
bool HaveSameDoors(const daemon::v1::Config& before, const daemon::v1::Config& now);

}  // namespace throng
