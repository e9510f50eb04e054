// What a verification found, as people read it.
#pragma once

#include <string>

#include "throng/v1/verification.pb.h"

namespace throng {

// How many rows, and a table of differences and of the first of each, if there are some.
std::string VerificationText(const v1::Verification& verification);

}  // namespace throng
