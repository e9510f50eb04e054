// Reads protobuf messages from trees of YAML and JSON, strictly, all mistakes at once; by
// reflection, so that a new field of a .proto is read at once.
#pragma once

#include <google/protobuf/message.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/spec/problem.h"
#include "server/spec/tree.h"

namespace throng {

// What stands there instead of what was expected, for messages: `"abc"`, `a list`, `nothing`.
std::string Found(const SpecNode& node);

// Applies layers of settings to a message, one after the other, weakest first: maps merge, lists
// replace, null leaves a field to the weaker layers. Field names are those of the .proto, enum
// values are written without their prefix and in lower case, durations as `1s`. A Column may be its
// name alone; another `component` drops the options of the weaker one.
class MessageReader {
 public:
  // Mistakes are added to `problems`, with the path of the field and, where known, its place.
  // `null_clears` is the path of the field, if any, whose null clears it.
  explicit MessageReader(Problems* problems, std::string_view null_clears = "")
      : problems_(problems), null_clears_(null_clears) {}

  // The layer that `root` was read from outlives this reader.
  void Apply(const SpecNode& root, google::protobuf::Message* message);

  // Adds to the problems those of `found`, broken rules of the message as it was read, that do not
  // merely follow from a mistake already told; each with the place where the field was given.
  void AddWhatDoesNotFollow(const Problems& found);

 private:
  void Add(const SpecPlace& place, const std::string& path, std::string message);
  void Refuse(const SpecNode& node, const std::string& path, std::string_view rule);
  const SpecPlace* PlaceOf(std::string_view field) const;
  void ReadMessage(const SpecNode& node, const std::string& path,
                   google::protobuf::Message* message);
  void ReadField(const SpecNode& node, const std::string& path,
                 const google::protobuf::FieldDescriptor* field,
                 google::protobuf::Message* message);
  void ReadElement(const SpecNode& node, const std::string& path,
                   google::protobuf::Message* message);
  void ReadText(const SpecNode& node, const std::string& path,
                const google::protobuf::FieldDescriptor* field, google::protobuf::Message* message);
  void ReadOptions(const SpecNode& node, const std::string& path,
                   google::protobuf::Message* message);
  void ReadScalar(const SpecNode& node, const std::string& path,
                  const google::protobuf::FieldDescriptor* field,
                  google::protobuf::Message* message);
  void ReadEnum(const SpecNode& node, const std::string& path,
                const google::protobuf::FieldDescriptor* field, google::protobuf::Message* message);
  template <class Int>
  std::optional<Int> Integer(const SpecNode& node, const std::string& path);

  Problems* problems_;
  const std::string null_clears_;
  std::map<std::string, SpecPlace, std::less<>> places_;  // path -> where it was last given
  std::vector<std::string> mistaken_;                     // paths whose value is not to be trusted
};

}  // namespace throng
