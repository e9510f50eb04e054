// Rows that are tapped, as people read them.
#pragma once

#include <cstdint>
#include <string>

#include "throng/v1/interaction.pb.h"

namespace throng {

// The form that readers of the guide's consumer know: "[Message #1]", its four lines, those of
// further columns that are there, an empty line.
std::string TapText(int64_t number, const v1::Interaction& interaction);

}  // namespace throng
