// Where to read from, in one word: FILE, FORMAT:FILE and kafka://HOST:PORT/TOPIC, each with
// ?NAME=VALUE&...; and the names of columns, --map COLUMN=NAME.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "throng/v1/inspection.pb.h"
#include "throng/v1/spec.pb.h"

namespace throng {

// `format.NAME`, and of kafka:// `format` and `registry`, are the decoder's, all other options the
// source's. Without a format the data tell what they are. Refuses with a sentence.
absl::StatusOr<v1::DataSource> ParseSource(std::string_view text);

// All of `places`, each with the columns of `maps`: "user_id=userId" says that the data call
// user_id userId.
absl::StatusOr<std::vector<v1::DataSource>> ParseSources(const std::vector<std::string>& places,
                                                         const std::vector<std::string>& maps);

// Whether it is a topic.
bool IsTopic(const v1::DataSource& source);
// The file or topic, as people know it.
std::string PlaceName(const v1::DataSource& source);

// As --to has it (output_flag.h), as a message.
absl::StatusOr<v1::OutputSpec> ParseOutputSpec(std::string_view text);

}  // namespace throng
