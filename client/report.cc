#include "client/report.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "client/print.h"
#include "client/reading.h"
#include "client/report_page.h"
#include "client/shell_text.h"
#include "client/whole_file.h"
#include "proto/json.h"

namespace throng {
namespace {

namespace fs = std::filesystem;

// That a file is a report: what its page says of itself.
constexpr std::string_view kMark = R"(<meta name="generator" content="Throng">)";
constexpr size_t kMarkWithin = 1024;

// Text between tags or in an attribute.
std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

// JSON that stays within its script element, whatever text is in it.
std::string EscapeJson(std::string_view json) {
  std::string escaped;
  for (const char c : json) {
    if (c == '<') {
      escaped += "\\u003c";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// `page` with the values at the places of their names; what they hold is not looked at again.
std::string Fill(std::string_view page,
                 std::initializer_list<std::pair<std::string_view, std::string_view>> values) {
  std::string filled;
  for (const auto& [name, value] : values) {  // in the order of the page
    const size_t at = page.find(name);
    filled += page.substr(0, at);
    filled += value;
    page.remove_prefix(at + name.size());
  }
  return filled.append(page);
}

std::string TitleOf(const Report& report) {
  if (!report.title.empty()) return report.title;
  if (report.places.empty()) return "Interactions";
  const std::string first = fs::path(report.places.front()).filename().string();
  return report.places.size() == 1 ? first : fmt::format("{} and others", first);
}

nlohmann::ordered_json DataOf(const Report& report) {
  nlohmann::ordered_json data;
  data["title"] = TitleOf(report);
  data["places"] = report.places;
  data["command"] = report.command;
  data["created"] = report.created;
  data["version"] = THRONG_VERSION;
  if (report.summary->has_dataset()) data["spec"] = YamlOf(report.summary->dataset());
  data["summary"] = ToJson(*report.summary, JsonFields::kAll);
  return data;
}

}  // namespace

Report ReportOn(const std::vector<std::string>& command_line,
                const v1::SummarizeResponse& summary) {
  Report report;
  report.command = ShellLine(command_line);
  report.created = TimeText(google::protobuf::util::TimeUtil::SecondsToTimestamp(
      google::protobuf::util::TimeUtil::GetCurrentTime().seconds()));
  report.summary = &summary;
  return report;
}

std::string ReportHtml(const Report& report) {
  // What is no UTF-8 in somebody's ids must not keep the rest from being shown.
  const std::string json =
      DataOf(report).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return Fill(ReportPage(), {{"@TITLE@", EscapeHtml(TitleOf(report))},
                             {"@STYLE@", ReportStyle()},
                             {"@DATA@", EscapeJson(json)},
                             {"@SCRIPT@", ReportScript()}});
}

absl::Status CheckReportPath(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    return absl::InvalidArgumentError(
        fmt::format("--report {}: it is a folder; name a file, as {}.", path,
                    (fs::path(path) / "report.html").string()));
  }
  if (!fs::exists(path, error)) return absl::OkStatus();
  std::string begin(kMarkWithin, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  if (begin.find(kMark) != std::string::npos || file.gcount() == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format(
      "--report {}: it exists and is no report; name another file, or remove it first.", path));
}

absl::Status WriteReport(const Report& report, const std::string& path) {
  if (absl::Status status = CheckReportPath(path); !status.ok()) return status;
  const std::string html = ReportHtml(report);
  const fs::path folder = fs::path(path).parent_path();
  std::error_code error;
  if (!folder.empty()) fs::create_directories(folder, error);
  if (WriteWholeFile(path, html)) return absl::OkStatus();
  return absl::UnavailableError(fmt::format(
      "--report {}: the file cannot be written; see whether its folder is there, may be "
      "written to and has room.",
      path));
}

}  // namespace throng
