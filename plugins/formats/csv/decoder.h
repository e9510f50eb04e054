// The decoder `csv`: a record a line, whoever wrote it.
#pragma once

#include "throng/sdk.hpp"

namespace throng::plugins {

throng_component CsvDecoder();

}  // namespace throng::plugins
