// What a daemon thinks of answers to the questions of `throngctl generate`.
#pragma once

#include "client/daemon_access.h"
#include "client/questions.h"

namespace throng {

// Of the outputs it asks by a run that is held before its first row, and forgotten again.
AnswerChecks ChecksBy(Daemon* daemon);

}  // namespace throng
