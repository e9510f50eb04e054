// Reads rows from any place as the host does, for tests in Python: prints them as CSV, and on
// standard error what is damaged.
//   read_rows PLUGIN_FOLDER DATA_SOURCE(JSON) [COLUMN...]
// Columns beyond the four of interactions are read where they are named. --probe in their place
// tries the way to the source, and --kept tells what sinks keep there.
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <cmath>
#include <cstdio>
#include <ctime>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "server/control/status.h"
#include "server/host/option_values.h"
#include "server/host/readers.h"
#include "server/inspection/row_reader.h"

namespace throng {
namespace {

std::string TextOf(throng_bytes text) {
  return text.data == nullptr ? "" : std::string(text.data, text.size);
}
std::string TextOf(double value) {
  if (std::isnan(value)) return "";
  const std::string text = fmt::format("{}", value);
  return text.find('.') == std::string::npos ? text + ".0" : text;
}
std::string TextOf(int64_t value) {
  return value == std::numeric_limits<int64_t>::min() ? "" : std::to_string(value);
}
template <class Values>
std::string At(const Values& values, size_t row) {
  return values.empty() ? "" : TextOf(values[row]);
}

std::string TimeOf(int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm time{};
  gmtime_r(&seconds, &time);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &time)};
}

std::unique_ptr<Source> SourceOf(const v1::Component& asked, const Catalogue& catalogue,
                                 const Environment& environment) {
  const Component& component = **catalogue.Find(Role::kSource, asked.component());
  Problems problems;
  const OptionValues options = OptionValues::Parse(
      component, {asked.options().begin(), asked.options().end()}, "source", 0, &problems);
  if (problems.empty()) return *Source::Create(component, environment, options.values());
  fmt::print(stderr, "{}", ToString(problems));
  return nullptr;
}

int Ask(Source* source, std::string_view what) {
  if (source == nullptr) return 2;
  if (what == "--probe") {
    const absl::Status status = source->Probe([](const ProbeStep& step) {
      fmt::print("{},{},{}\n", step.name, static_cast<int>(step.status.code()), step.sentence);
    });
    return status.ok() ? 0 : 1;
  }
  const auto kept = source->Kept();
  if (!kept.ok()) fmt::print(stderr, "{}\n", MessageOf(kept.status()));
  if (!kept.ok()) return 1;
  for (const KeptPosition& one : *kept) {
    fmt::print("{},{}-of-{},{}\n", one.output, one.slice_index, one.slice_count, one.position);
  }
  return 0;
}

int Read(int count, char** arguments) {
  ReadRequest request;
  if (!google::protobuf::util::JsonStringToMessage(arguments[2], &request.source).ok()) {
    fmt::print(stderr, "no DataSource: {}\n", arguments[2]);
    return 2;
  }
  for (size_t column = 4; column < kFoundColumns; ++column) {
    for (int i = 3; i < count; ++i) {
      const std::string_view name = FoundColumnName(static_cast<FoundColumn>(column));
      if (name == arguments[i]) request.wanted[column] = true;
    }
  }
  const auto catalogue = Catalogue::Load({arguments[1]});
  const Environment environment;
  const std::string_view first = count > 3 ? arguments[3] : "";
  if (first == "--probe" || first == "--kept") {
    return Ask(SourceOf(request.source.source(), *catalogue, environment).get(), first);
  }
  auto reader = RowReader::Open(request, *catalogue, environment);
  absl::Status status = reader.status();
  FoundRows rows;
  while (status.ok() && !rows.is_end) {
    status = (*reader)->Next(/*wait_ms=*/10'000, &rows);
    if (!status.ok()) break;
    for (size_t row = 0; row < rows.rows; ++row) {
      fmt::print("{},{},{},{},{},{},{},{},{},{}\n", At(rows.user_id, row), At(rows.item_id, row),
                 At(rows.rating, row), TimeOf(rows.timestamp[row]), At(rows.interaction_id, row),
                 At(rows.kind, row), At(rows.cluster, row), At(rows.category, row),
                 At(rows.session_id, row), At(rows.session_row, row));
    }
    for (const Damage& damage : rows.damages) {
      fmt::print(stderr, "{}@{}: {}\n", damage.piece, damage.offset, damage.sentence);
    }
  }
  if (!status.ok()) fmt::print(stderr, "{}\n", MessageOf(status));
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace throng

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("read_rows PLUGIN_FOLDER DATA_SOURCE [COLUMN...]\n", stderr);
    return 2;
  }
  return throng::Read(argc, argv);
}
