// The decoder `libsvm`: a rating and two indexes a line.
#pragma once

#include "throng/sdk.hpp"

namespace throng::plugins {

throng_component LibsvmDecoder();

}  // namespace throng::plugins
