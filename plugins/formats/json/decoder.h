// The decoder `json`: an object a row, in a document, an array, lines or messages.
#pragma once

#include "throng/sdk.hpp"

namespace throng::plugins {

throng_component JsonDecoder();

}  // namespace throng::plugins
