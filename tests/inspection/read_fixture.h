// Data that are written by runs or by hand, and read back, in a folder of their own.
#pragma once

#include <fmt/format.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "proto/option_text.h"
#include "server/control/status.h"
#include "server/inspection/row_reader.h"
#include "tests/delivery/run_fixture.h"

namespace throng {

// All that is found somewhere.
struct Readings {
  std::vector<std::string> rows;  // as lines of Throng's own CSV, without their ends
  std::vector<std::string>
      damages;  // "piece@offset row column: sentence", the piece without folder
  std::vector<std::string> pieces;
  std::vector<int64_t> offsets;
  absl::Status status;  // of Open or of the last Next
};

inline std::string TextOf(const std::vector<throng_bytes>& column, size_t row) {
  if (column.empty() || column[row].data == nullptr) return "";
  return {column[row].data, column[row].size};
}

class ReadTest : public RunTest {
 protected:
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  std::string WriteFile(const std::string& name, std::string_view text) const {
    fs::create_directories(fs::path(Path(name)).parent_path());
    std::ofstream(Path(name), std::ios::binary) << text;
    return Path(name);
  }

  ReadRequest Request(const std::string& path,
                      const std::map<std::string, std::string>& columns = {},
                      const std::string& decoder = "",
                      const std::map<std::string, std::string>& options = {}) const {
    ReadRequest request;
    request.source.mutable_source()->set_component("file");
    (*request.source.mutable_source()->mutable_options())["path"] = path;
    request.source.mutable_decoder()->set_component(decoder);
    request.source.mutable_decoder()->mutable_options()->insert(options.begin(), options.end());
    request.source.mutable_columns()->insert(columns.begin(), columns.end());
    return request;
  }

  Readings Read(const ReadRequest& request) const {
    Readings readings;
    auto reader = RowReader::Open(request, catalogue_, environment_);
    readings.status = reader.status();
    if (!reader.ok()) return readings;
    for (const std::string& piece : (*reader)->pieces()) {
      readings.pieces.push_back(fs::path(piece).filename().string());
    }
    FoundRows rows;
    for (bool is_end = false; !is_end;) {
      const absl::Status status = (*reader)->Next(/*wait_ms=*/1000, &rows);
      readings.status.Update(status);
      if (!status.ok() && status.code() != absl::StatusCode::kDataLoss) return readings;
      if (!status.ok()) continue;
      EXPECT_EQ(rows.first_row, static_cast<int64_t>(readings.rows.size()));
      Add(rows, &readings);
      is_end = rows.is_end;
    }
    return readings;
  }
  Readings Read(const std::string& path, const std::map<std::string, std::string>& columns = {},
                const std::string& decoder = "",
                const std::map<std::string, std::string>& options = {}) const {
    return Read(Request(path, columns, decoder, options));
  }

  static void Add(const FoundRows& found, Readings* readings) {
    for (size_t i = 0; i < found.rows; ++i) {
      std::string rating;
      if (!std::isnan(found.rating[i])) {
        const auto hundredths = static_cast<int64_t>(std::round(found.rating[i] * 100));
        rating = fmt::format("{}.{}", hundredths / 100, hundredths % 100 / 10);
        if (hundredths % 10 != 0) rating += std::to_string(hundredths % 10);
      }
      std::string row =
          fmt::format("{},{},{},{}", TextOf(found.user_id, i), TextOf(found.item_id, i), rating,
                      TimestampText(found.timestamp[i]));
      for (const auto* column : {&found.kind, &found.cluster, &found.category}) {
        if (!column->empty()) row += "," + TextOf(*column, i);
      }
      for (const auto* column : {&found.interaction_id, &found.session_id, &found.session_row}) {
        if (!column->empty()) row += fmt::format(",{}", (*column)[i]);
      }
      readings->rows.push_back(std::move(row));
      readings->offsets.push_back(found.offset[i]);
    }
    for (const Damage& damage : found.damages) {
      readings->damages.push_back(
          fmt::format("{}@{} {} {}: {}", fs::path(damage.piece).filename().string(), damage.offset,
                      damage.row, damage.column, damage.sentence));
    }
  }

  // The rows of one of Throng's CSV files, header left out, as plain lines.
  static std::vector<std::string> LinesOf(const std::string& csv) {
    std::vector<std::string> lines;
    std::istringstream text(csv);
    std::string line;
    while (std::getline(text, line)) {
      if (!line.starts_with("user_id")) lines.push_back(line);
    }
    return lines;
  }
};

}  // namespace throng
