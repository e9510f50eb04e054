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
  bool is_live = false;
  std::optional<std::string> slice;  // 0/4
  std::optional<std::string> split;  // train=0.8,test=0.2
  std::optional<std::string> threads;
  std::vector<std::string> settings;  // --set
  bool overwrites = false;            // --overwrite

  // Whether there is any at all.
  bool IsEmpty() const;
};

// Where rows go when nobody says where.
inline constexpr std::string_view kDefaultOutput = "csv:out/interactions.csv";

struct MadeSource {
  // The layers of a spec, weakest first: default outputs, the file, the flags, --set in the order
  // of the command line.
  v1::SpecSource source;
  // What is wrong with flags that only the client understands, as sentences; they are left out of
  // the layers.
  std::vector<std::string> mistakes;
  // Whether outputs are among them: what the daemon says of outputs is no news then.
  bool lacks_outputs = false;
};

// `default_outputs` are as --to has them; `file_text` is what the file holds.
MadeSource MakeSource(const SpecFlags& flags, const std::string& file_text,
                      const std::vector<std::string>& default_outputs);

// What `file` holds ("-": standard input), at most 1 MiB, as the daemon takes it.
absl::StatusOr<std::string> ReadSpecFile(const std::string& file);

// "1000/s" or "1000" -> "1000": rows a second, as text.
absl::StatusOr<std::string> ParseRate(std::string_view text);

struct SliceText {
  std::string index, count;
};
// "0/4".
absl::StatusOr<SliceText> ParseSlice(std::string_view text);

}  // namespace throng
