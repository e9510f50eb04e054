// What a daemon looks at before it starts.
#pragma once

#include <string>

#include "server/daemon/config.h"

namespace throng {

// What is wrong with the folders of the settings; empty: nothing. Makes the state folder.
std::string FolderMistake(const DaemonConfig& config, bool is_ephemeral);

}  // namespace throng
