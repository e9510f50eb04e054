// The place of an output of the file sink: which files belong to it, and what they say about it.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "plugins/sinks/file/state.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

// What is at a place.
struct Found {
  std::optional<FileState> state;  // of this output: as committed, or of the finished file
  bool is_complete = false;
  std::optional<Error> refusal;    // what is in the way, unless it may be overwritten
  std::optional<FileState> other;  // of that: the finished file of another output
};

struct FilePlace {
  std::string path;      // the finished file
  std::string part;      // its data until then
  std::string position;  // how much of that counts
  std::string lock;
  std::string manifest;
  std::string identity;  // of the output
  Origin origin;

  // Reads what is there and changes nothing. Throws where the path cannot be used at all.
  Found Examine() const;
  // What the manifest says, if it is of this output.
  std::optional<FileState> Manifest() const;
  // The same, if PATH is there and has the size that the manifest names.
  std::optional<FileState> Finished() const;

 private:
  std::optional<Error> WhyNotGoOn(const std::optional<FileState>& state,
                                  const std::optional<struct stat>& data) const;
};

// Where `target` goes with the option `path`; INVALID_ARGUMENT if that is no name for a file.
FilePlace PlaceOf(const std::string& path, const throng_target& target);

}  // namespace throng::plugins
