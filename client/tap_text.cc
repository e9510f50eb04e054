#include "client/tap_text.h"

#include <fmt/format.h>

#include <cmath>

#include "client/reading.h"

namespace throng {
namespace {

// "4.5", "4.25"; "-": none.
std::string RatingText(double rating) {
  if (rating == 0) return "-";
  const bool has_one_decimal = std::abs(rating * 10 - std::round(rating * 10)) < 1e-6;
  return has_one_decimal ? fmt::format("{:.1f}", rating) : fmt::format("{:.10g}", rating);
}

}  // namespace

std::string TapText(int64_t number, const v1::Interaction& interaction) {
  std::string text =
      fmt::format("[Message #{}]\n  User: {}\n  Item: {}\n  Rating: {}\n  Timestamp: {}\n", number,
                  interaction.user_id(), interaction.item_id(), RatingText(interaction.rating()),
                  interaction.has_timestamp() ? TimeText(interaction.timestamp()) : "-");
  const auto add = [&text](const char* name, const auto& value) {
    text += fmt::format("  {}: {}\n", name, value);
  };
  if (interaction.has_interaction_id()) add("Row", interaction.interaction_id());
  if (interaction.has_kind()) add("Kind", interaction.kind());
  if (interaction.has_cluster()) add("Cluster", interaction.cluster());
  if (interaction.has_category()) add("Category", interaction.category());
  if (interaction.has_session_id()) add("Session", interaction.session_id());
  if (interaction.has_session_row()) add("Row of session", interaction.session_row());
  return text + "\n";
}

}  // namespace throng
