// The flags that make up a spec, and the layers of settings that they become.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "client/yaml_tree.h"
#include "throng/v1/spec_source.pb.h"

namespace throng {

// As given on the command line. What values may be is the daemon's to decide.
struct SpecFlags {
  std::optional<std::string> file;  // "-": standard input
  std::optional<std::string> preset, size, seed, users, items, interactions, start, window;
  std::vector<std::string> outputs;  // --to
  std::optional<std::string> rate;   // 1000/s
  std::optional<std::string> slice;  // 0/4
  std::optional<std::string> threads;
  std::vector<std::string> settings;  // --set
  bool overwrites = false;            // --overwrite

  // Whether there is any at all.
  bool IsEmpty() const;
};

// Where rows go when nobody says where.
inline constexpr std::string_view kDefaultOutput = "csv:out/interactions.csv";

// The layers of a spec, weakest first: `default_outputs` (as --to has them), the file, the flags,
// --set in the order of the command line. `file_text` is what the file holds. Refuses, with a
// sentence, what only the client understands.
absl::StatusOr<v1::SpecSource> MakeSource(const SpecFlags& flags, const std::string& file_text,
                                          const std::vector<std::string>& default_outputs);

// What `file` holds ("-": standard input), up to 2 MiB: the daemon refuses less than that.
absl::StatusOr<std::string> ReadSpecFile(const std::string& file);

// "1000/s" or "1000" -> "1000": rows a second, as text.
absl::StatusOr<std::string> ParseRate(std::string_view text);

struct SliceText {
  std::string index, count;
};
// "0/4".
absl::StatusOr<SliceText> ParseSlice(std::string_view text);

}  // namespace throng
