#include "server/inspection/replay_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <utility>

#include "server/control/digest.h"
#include "server/inspection/replayed_rows.h"
#include "server/spec/spec_request.h"

namespace throng {

std::optional<v1::RunSpec> ReplaySpec(const v1::ReplayRequest& request, Problems* problems) {
  const auto refuse = [problems](std::string field, std::string message) {
    problems->push_back({std::move(field), std::move(message)});
  };
  if (!request.has_source()) refuse("source", "Must say what to read.");
  if (!request.has_output()) refuse("output", "Must say where to deliver to.");
  if (!std::isfinite(request.rate()) || request.rate() < 0) {
    refuse("rate", fmt::format("Must be at least 0 rows a second, found {}.", request.rate()));
  }
  if (request.has_passes() && request.passes() < 0) {
    refuse("passes",
           fmt::format("Must be at least 1, or 0 for without end, found {}.", request.passes()));
  }
  const v1::OutputSpec& output = request.output();
  if (output.columns_size() > 0 || output.has_rows() || output.has_share() ||
      output.roll_rows() != 0 || output.table() == v1::TABLE_USERS ||
      output.table() == v1::TABLE_ITEMS) {
    refuse("output",
           "A replay delivers user_id, item_id, rating and timestamp of all rows; leave "
           "out columns, rows, share, roll_rows and table.");
  }
  const auto& keys = RowEncoder::kColumns;
  if (!output.key().empty() && std::find(keys.begin(), keys.end(), output.key()) == keys.end()) {
    refuse("output.key", fmt::format("Must be user_id, item_id, rating or timestamp, found \"{}\".",
                                     output.key()));
  }
  if (!problems->empty()) return std::nullopt;
  v1::SpecSource source;
  source.mutable_spec()->mutable_dataset()->set_size("quick");  // of no account
  *source.mutable_spec()->add_outputs() = output;
  return ReadSpecRequest({.source = &source}, problems);
}

absl::StatusOr<std::string> DigestOfData(const v1::DataSource& source, const RowReader& reader) {
  Digest digest;
  digest.AddField("throng replayed 1");
  const std::map<std::string, std::string> columns(source.columns().begin(),
                                                   source.columns().end());
  for (const auto& [column, name] : columns) digest.AddField(column).AddField(name);
  digest.AddField(source.decoder().component());
  const std::map<std::string, std::string> options(source.decoder().options().begin(),
                                                   source.decoder().options().end());
  for (const auto& [name, value] : options) digest.AddField(name).AddField(value);
  for (const std::string& piece : reader.pieces()) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(piece, error)) {
      return absl::UnimplementedError(fmt::format(
          "{} is no file. A replay reads files, since the order of their rows is fixed; write it "
          "to a file first.",
          piece));
    }
    auto bytes = FileDigest(piece);
    if (!bytes.ok()) return bytes.status();
    digest.AddField(*bytes);
  }
  return digest.Raw();
}

}  // namespace throng
