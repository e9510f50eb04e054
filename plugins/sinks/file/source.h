// The source `file`: what the sink of that name wrote, and files of anybody else.
#pragma once

#include "throng/sdk.hpp"

namespace throng::plugins {

throng_component FileSource();

}  // namespace throng::plugins
