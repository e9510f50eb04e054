// What the commands that read data have in common.
#pragma once

#include <chrono>
#include <string>

#include "client/inspection_commands.h"
#include "client/progress_bar.h"

namespace throng {

// Shows how far the reading is.
class ReadingBar {
 public:
  ReadingBar(bool is_quiet, bool is_topic) : bar_(ProgressStyleOf(is_quiet)), is_topic_(is_topic) {}
  void Show(const v1::InspectionProgress& progress);
  void Clear() { bar_.Clear(); }

 private:
  ProgressBar bar_;
  const bool is_topic_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// On stderr.
void Say(std::string_view line);
// "rows.csv, byte 17", "interactions [3], offset 17: rating: It is no number.".
std::string DamageText(const v1::DamagedRecord& damage);
// Says how many there are, and the first of them.
void SayDamages(int64_t count,
                const google::protobuf::RepeatedPtrField<v1::DamagedRecord>& examples);
// "2024-01-15T10:30:00Z", with milliseconds if there are some; "-": none.
std::string TimeText(const google::protobuf::Timestamp& time);

}  // namespace throng
