// What the file sink keeps beside its data: the position of an unfinished file, the manifest of a
// finished one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sinks/file/check.h"

namespace throng::plugins {

// What was committed.
struct FileState {
  std::string identity;             // of the output, as in throng_target
  std::optional<int64_t> position;  // the row to go on with; none before the first commit
  int64_t bytes = 0;                // of the data file
  std::string sha256;               // of these bytes, hexadecimal
  std::string host_state;
  // Of PATH.position: the SHA-256 on its way to that one, which ends them. Without, only all bytes
  // can be checked, and first.
  std::vector<DigestMark> marks = {};
};

// Whose file it is, for those who look into what lies beside it; identity decides.
struct Origin {
  std::string run_uid;
  std::string output;
  std::string slice;            // "0-of-4"
  int64_t part = -1;            // of an output in parts, where the manifest is there
  bool is_interleaved = false;  // the slice, likewise
};

// The text of PATH.position: a line of JSON and a line with its SHA-256.
std::string PositionText(const FileState& state, const Origin& origin);
// Nothing if the text is not one that PositionText wrote. `origin`: filled if it is not NULL.
std::optional<FileState> ParsePosition(const std::string& text, Origin* origin = nullptr);

// The text of PATH.manifest.json: `manifest`, the host's JSON object, between the sink's own
// members file, bytes, sha256, identity, position, and host_state (base64), which is the last.
std::string ManifestText(const FileState& state, const std::string& file_name,
                         std::string_view manifest);
// Nothing if the text is not one that ManifestText wrote. `origin`: filled if it is not NULL, as
// far as the host's members tell.
std::optional<FileState> ParseManifest(const std::string& text, Origin* origin = nullptr);

}  // namespace throng::plugins
