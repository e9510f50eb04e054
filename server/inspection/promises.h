// The promises of a spec, as far as what was counted can tell.
#pragma once

#include "server/inspection/checklist.h"
#include "server/inspection/checks.h"

namespace throng {

// Adds a check for each promise, or one that says why there is none.
void CheckPromises(const Evidence& evidence, Checks* checks);

}  // namespace throng
