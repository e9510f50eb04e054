// What binaries do first, and where the files that came with them lie.
#pragma once

#include <string>

namespace throng {

// Opens a standard stream that the caller closed as one that fails, so that no file of ours gets
// its number and what is said to it.
void ReserveStandardStreams();

// The folder of this binary.
std::string BinaryFolder();

// ../plugins in a build tree, ../lib/throng/plugins where it is installed.
std::string DefaultPluginFolder();

// Keeps memory that is given back for the next who asks: blocks and messages are large, and would
// be faulted in again all the time.
void KeepMemory();

}  // namespace throng
