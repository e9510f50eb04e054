#include "server/daemon/run_labels.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/control/digest.h"
#include "server/daemon/errors.h"
#include "server/daemon/wall_clock.h"
#include "server/spec/rules.h"

namespace throng {
namespace {

constexpr size_t kMostTexts = 64;
constexpr size_t kMostCharacters = 63;
constexpr size_t kMostAnnotationBytes = 64 << 10;
constexpr size_t kEtagDigits = 16;
constexpr std::string_view kSpec = "spec.";

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsKey(std::string_view key) {
  return !key.empty() && key.size() <= kMostCharacters && IsLower(key.front()) &&
         std::all_of(key.begin(), key.end(),
                     [](char c) { return IsLower(c) || IsDigit(c) || c == '-' || c == '_'; });
}

bool IsLabelValue(std::string_view value) {
  return value.size() <= kMostCharacters && std::all_of(value.begin(), value.end(), [](char c) {
           return IsLower(c) || IsDigit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
                  c == '.';
         });
}

absl::Status CheckKeys(std::string_view field, const Texts& texts) {
  if (texts.size() > kMostTexts) {
    return InvalidField(field,
                        fmt::format("Has {} entries; {} is the most.", texts.size(), kMostTexts));
  }
  for (const auto& [key, value] : texts) {
    if (IsKey(key)) continue;
    return InvalidField(field,
                        fmt::format("Has a key \"{}\"; write 1 to {} of a-z, 0-9, `-` and `_`, "
                                    "beginning with a letter.",
                                    key, kMostCharacters));
  }
  return absl::OkStatus();
}

// Of a field of the spec that says nothing of others.
absl::Status CheckSpecField(const v1::RunSpec& wanted, const std::string& field) {
  v1::RunSpec spec = wanted;
  FillDefaults(&spec);
  Problems problems;
  ValidateSpec(spec, &problems, /*needs_outputs=*/false);
  for (const Problem& problem : problems) {
    if (problem.field != field && !problem.field.starts_with(field + ".")) continue;
    return InvalidField("run.spec." + problem.field, problem.message);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckLabels(std::string_view field, const Texts& labels) {
  if (absl::Status status = CheckKeys(field, labels); !status.ok()) return status;
  for (const auto& [key, value] : labels) {
    if (IsLabelValue(value)) continue;
    return InvalidField(
        field, fmt::format("{} is \"{}\"; write at most {} of a-z, A-Z, 0-9, `-`, `_` and `.`, or "
                           "make it an annotation.",
                           key, value, kMostCharacters));
  }
  return absl::OkStatus();
}

absl::Status CheckAnnotations(std::string_view field, const Texts& annotations) {
  if (absl::Status status = CheckKeys(field, annotations); !status.ok()) return status;
  size_t bytes = 0;
  for (const auto& [key, value] : annotations) bytes += key.size() + value.size();
  if (bytes <= kMostAnnotationBytes) return absl::OkStatus();
  return InvalidField(field, fmt::format("Has {} bytes; {} is the most, of all keys and values.",
                                         bytes, kMostAnnotationBytes));
}

absl::Status CheckUpdate(const v1::UpdateRunRequest& request) {
  if (request.update_mask().paths().empty()) {
    return InvalidField("update_mask",
                        "Must name what to change: `labels`, `annotations`, `spec.pace` or "
                        "`spec.threads`.");
  }
  for (const std::string& path : request.update_mask().paths()) {
    absl::Status status;
    if (path == "labels") {
      status = CheckLabels("run.labels", request.run().labels());
    } else if (path == "annotations") {
      status = CheckAnnotations("run.annotations", request.run().annotations());
    } else if (path == "spec.pace" || path == "spec.threads") {
      status = CheckSpecField(request.run().spec(), path.substr(kSpec.size()));
    } else {
      status =
          InvalidField("update_mask",
                       fmt::format("Has \"{}\", which cannot be changed; `labels`, `annotations`, "
                                   "`spec.pace` and `spec.threads` can.",
                                   path));
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void MarkChanged(int64_t now_ms, v1::Run* run) {
  const int64_t before_ms = run->has_update_time() ? MsOf(run->update_time()) : 0;
  const int64_t time_ms = std::max(now_ms, before_ms + 1);  // each change has its own
  SetTime(time_ms, run->mutable_update_time());
  run->set_etag(
      Digest().AddField(run->uid()).AddField(std::to_string(time_ms)).Hex().substr(0, kEtagDigits));
}

void MarkCreated(v1::Run* run) {
  if (!run->has_update_time()) MarkChanged(MsOf(run->create_time()), run);
}

absl::Status CheckEtag(const v1::Run& run, std::string_view etag) {
  if (etag.empty() || etag == run.etag()) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kAborted, "ETAG_MISMATCH",
      fmt::format("`{}` was changed after it had the etag \"{}\", and nothing was done; "
                  "look at it again and send the etag that it has now.",
                  run.name(), etag));
}

}  // namespace throng
