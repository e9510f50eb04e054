// Values of options drawn at random, the same for a seed.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "server/host/catalogue.h"

namespace throng {

// Texts for most of the options that are numbers, times, lists or choices, within what their
// descriptors allow; the `index`-th drawing.
std::map<std::string, std::string> DrawOptions(const Component& component, uint64_t seed,
                                               int index);

}  // namespace throng
