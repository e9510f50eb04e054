#include "server/daemon/reload.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/message_differencer.h>

#include <set>

namespace throng {
namespace {

using google::protobuf::util::MessageDifferencer;

// Collects the top-level field of each difference, and of lists of messages the element's field.
class FieldReporter final : public MessageDifferencer::Reporter {
 public:
  using Path = std::vector<MessageDifferencer::SpecificField>;
  void ReportAdded(const google::protobuf::Message& /*before*/,
                   const google::protobuf::Message& /*now*/, const Path& path) override {
    Add(path);
  }
  void ReportDeleted(const google::protobuf::Message& /*before*/,
                     const google::protobuf::Message& /*now*/, const Path& path) override {
    Add(path);
  }
  void ReportModified(const google::protobuf::Message& /*before*/,
                      const google::protobuf::Message& /*now*/, const Path& path) override {
    // Of a message each of its fields is told, too.
    if (path.back().field->message_type() == nullptr) Add(path);
  }

  std::vector<std::string> Fields() const { return {fields_.begin(), fields_.end()}; }

 private:
  void Add(const Path& path) {
    std::string text = path[0].field->name();
    const bool is_message_list = path[0].field->is_repeated() && path[0].field->message_type();
    if (is_message_list) text += fmt::format("[{}]", path[0].index);
    if (path.size() > 1) text += "." + path[1].field->name();
    fields_.insert(std::move(text));
  }

  std::set<std::string> fields_;
};

void Fix(daemon::v1::Listener* listener) {
  listener->clear_role();
  listener->clear_clients();
  // Whether it asks for tokens at all is settled when it begins to listen.
  listener->set_tokens(listener->tokens().empty() ? "" : "some");
}

// Without what can change.
daemon::v1::Config Fixed(const daemon::v1::Config& config) {
  daemon::v1::Config fixed = config;
  fixed.clear_log();
  for (daemon::v1::Listener& listener : *fixed.mutable_listeners()) Fix(&listener);
  if (fixed.has_http()) Fix(fixed.mutable_http());
  return fixed;
}

}  // namespace

std::vector<std::string> FieldsForTheNextStart(const daemon::v1::Config& before,
                                               const daemon::v1::Config& now) {
  FieldReporter reporter;
  MessageDifferencer differencer;
  differencer.ReportDifferencesTo(&reporter);
  differencer.Compare(Fixed(before), Fixed(now));
  return reporter.Fields();
}

bool HaveSameDoors(const daemon::v1::Config& before, const daemon::v1::Config& now) {
  for (const std::string& field : FieldsForTheNextStart(before, now)) {
    if (field.starts_with("listen") || field.starts_with("http")) return false;
  }
  return true;
}

}  // namespace throng
